package dataplane

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// kernel holds our two nftables tables in one network namespace.
type kernel struct {
	namespace int    // file descriptor
	name      string // of the tables
	have      ruleset
	sets      map[string]*nftables.Set // those in the kernel, by name
	log       *slog.Logger
}

// The messages of one transaction wait in one socket, and so do its answers: room for
// tens of thousands.
const socketBuffer = 64 << 20

func dial(namespace int) (*nftables.Conn, error) {
	return nftables.New(nftables.WithNetNSFd(namespace), nftables.WithSockOptions(func(c *netlink.Conn) error {
		// Answers that do not come must not hold us for ever.
		return errors.Join(
			c.SetDeadline(time.Now().Add(30*time.Second)),
			c.SetReadBuffer(socketBuffer),
			c.SetWriteBuffer(socketBuffer))
	}))
}

func (k *kernel) table(t table) *nftables.Table {
	family := nftables.TableFamilyBridge
	if t == inetTable {
		family = nftables.TableFamilyINet
	}
	return &nftables.Table{Name: k.name, Family: family}
}

// apply makes the kernel's rules those of want, in one transaction: every packet sees
// either the old rules or the new. Only the difference is sent, unless the kernel's
// state is not known or not as it was left.
func (k *kernel) apply(want ruleset) error {
	if k.have != nil {
		c := difference(k.have, want)
		if c.empty() {
			k.have = want
			return nil
		}
		err := k.send(c, false)
		if err == nil {
			k.have = want
			return nil
		}
		k.log.Warn("the packet filter is not as it was left, loading it anew", "err", err)
	}
	k.have, k.sets = nil, map[string]*nftables.Set{}
	if err := k.send(difference(nil, want), true); err != nil {
		return fmt.Errorf("cannot load the packet filter: %w", err)
	}
	k.have = want
	return nil
}

// send carries the change out; afresh replaces whatever the tables hold.
func (k *kernel) send(c change, afresh bool) error {
	conn, err := dial(k.namespace)
	if err != nil {
		return err
	}
	t := transaction{k: k, conn: conn}
	if afresh {
		t.replaceTables()
	}
	t.carryOut(c)
	if t.err != nil {
		return t.err
	}
	return conn.Flush()
}

// intact tells whether the tables are still there; somebody may have flushed them.
func (k *kernel) intact() (bool, error) {
	conn, err := dial(k.namespace)
	if err != nil {
		return false, err
	}
	for _, t := range []table{bridgeTable, inetTable} {
		chains, err := conn.ListChainsOfTableFamily(k.table(t).Family)
		if err != nil {
			return false, fmt.Errorf("cannot list the packet filter's chains: %w", err)
		}
		based := 0
		for _, c := range chains {
			if c.Table.Name == k.name && c.Hooknum != nil {
				based++
			}
		}
		if based < baseChains(t) {
			return false, nil
		}
	}
	return true, nil
}

func baseChains(t table) int {
	n := 0
	for _, c := range frameChains() {
		if c.table == t && c.base != nil {
			n++
		}
	}
	return n
}

// clear removes our tables.
func (k *kernel) clear() error {
	k.have = nil
	for _, t := range []table{bridgeTable, inetTable} {
		if err := deleteTable(k.namespace, k.table(t)); err != nil {
			return err
		}
	}
	return nil
}

func deleteTable(namespace int, t *nftables.Table) error {
	conn, err := dial(namespace)
	if err != nil {
		return err
	}
	conn.DelTable(t)
	if err := conn.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("cannot delete the table %s: %w", t.Name, err)
	}
	return nil
}

// transaction gathers messages until they are flushed as one.
type transaction struct {
	k    *kernel
	conn *nftables.Conn
	err  error
}

func (t *transaction) replaceTables() {
	for _, kind := range []table{bridgeTable, inetTable} {
		replaceTable(t.conn, t.k.table(kind))
	}
	for _, s := range frameSets() {
		t.addSet(s)
	}
	// All chains before any rule: a rule may jump ahead.
	for _, c := range frameChains() {
		t.addChain(c)
	}
	for _, c := range frameChains() {
		t.addRules(c)
	}
}

// replaceTable leaves an empty table; deleting is only allowed once it exists for sure.
func replaceTable(conn *nftables.Conn, t *nftables.Table) {
	conn.AddTable(t)
	conn.DelTable(t)
	conn.AddTable(t)
}

func (t *transaction) carryOut(c change) {
	for _, s := range c.addSets {
		t.addSet(s)
	}
	for _, ch := range c.addChains {
		t.addChain(ch)
		t.addRules(ch)
	}
	t.elements(c.removeElements, t.conn.SetDeleteElements)
	t.elements(c.addElements, t.conn.SetAddElements)
	for _, ch := range c.removeChains {
		made := t.chain(ch)
		t.conn.FlushChain(made)
		t.conn.DelChain(made)
	}
	for _, s := range c.removeSets {
		t.conn.DelSet(t.k.sets[s.name])
		delete(t.k.sets, s.name)
	}
}

func (t *transaction) chain(c chain) *nftables.Chain {
	out := &nftables.Chain{Name: c.name, Table: t.k.table(c.table)}
	if c.base != nil {
		out.Type, out.Hooknum = c.base.kind, c.base.at
		out.Priority = nftables.ChainPriorityRef(nftables.ChainPriority(c.base.priority))
	}
	return out
}

func (t *transaction) addChain(c chain) { t.conn.AddChain(t.chain(c)) }

func (t *transaction) addRules(c chain) {
	made := t.chain(c)
	for _, r := range c.rules {
		t.conn.AddRule(&nftables.Rule{Table: made.Table, Chain: made, Exprs: r})
	}
}

func (t *transaction) addSet(s set) {
	made := &nftables.Set{
		Table: t.k.table(s.table), Name: s.name, KeyType: s.key, DataType: s.data,
		IsMap: s.isMap, Concatenation: s.concat, Interval: s.interval,
	}
	if !s.concat && !s.interval {
		made.KeyByteOrder = binaryutil.NativeEndian // names and marks; only `nft list` cares
	}
	if err := t.conn.AddSet(made, nil); err != nil {
		t.err = errors.Join(t.err, fmt.Errorf("cannot describe the set %s: %w", s.name, err))
	}
	t.k.sets[s.name] = made
}

// elements sends them set by set, in portions: one attribute holds 64 KiB.
func (t *transaction) elements(all []element, send func(*nftables.Set, []nftables.SetElement) error) {
	const portion = 256
	bySet := map[string][]nftables.SetElement{}
	for _, e := range all {
		bySet[e.set] = append(bySet[e.set], e.SetElement)
	}
	for name, list := range bySet {
		for len(list) > 0 {
			n := min(portion, len(list))
			if err := send(t.k.sets[name], list[:n]); err != nil {
				t.err = errors.Join(t.err, fmt.Errorf("cannot describe elements of %s: %w", name, err))
			}
			list = list[n:]
		}
	}
}
