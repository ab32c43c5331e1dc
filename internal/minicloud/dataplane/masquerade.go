package dataplane

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// ensureMasquerade makes what leaves a router by its uplink carry the uplink's address.
// Replies to what the host began are no new connections and keep theirs.
func ensureMasquerade(namespace int, name string) error {
	conn, err := dial(namespace)
	if err != nil {
		return err
	}
	t := &nftables.Table{Name: name, Family: nftables.TableFamilyINet}
	tables, err := conn.ListTablesOfFamily(t.Family)
	if err != nil {
		return fmt.Errorf("cannot list a router's tables: %w", err)
	}
	for _, have := range tables {
		if have.Name == name {
			return nil // made in one transaction, so it is whole
		}
	}
	conn.AddTable(t)
	c := conn.AddChain(&nftables.Chain{
		Name: "out", Table: t, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	conn.AddRule(&nftables.Rule{Table: t, Chain: c, Exprs: join(oif(), is(ifname(uplinkInside)...), rule{&expr.Masq{}})})
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("cannot make a router masquerade: %w", err)
	}
	return nil
}
