// Command bench compares what a container costs on our networks with what it costs
// elsewhere, and measures the service at rest and under load.
//
// It knows the built programs from outside: Docker's API, the services' APIs, /proc. Of
// the rooms it uses only the store, to fill a database, and the netlink verbs, for its own
// plugin.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

const synopsis = `Usage: bench [OPTIONS]      (as root, from the top of the repository, after make build)

Starts a zund of its own and alternates containers on several kinds of network in one run,
in an order that is drawn anew for every round. Cases:

`

// options are what the user chose.
type options struct {
	rounds  int
	batches int
	batch   int
	starts  int
	records int
	orders  int
	every   time.Duration
	seconds time.Duration
	seed    uint64
	json    bool
	quiet   bool
	cases   map[string]bool // empty is all
	bin     string
	profile string
}

// wants tells whether a case is to run.
func (o options) wants(name string) bool { return len(o.cases) == 0 || o.cases[name] }

// caseNames are what --case takes.
func caseNames() []struct{ name, purpose string } {
	return []struct{ name, purpose string }{
		{"none", "docker run and rm without a network"},
		{"bridge", "… on Docker's default bridge"},
		{"user-bridge", "… on a bridge network that a user made"},
		{"floor", "… on a plugin that only makes a veth on a bridge and answers from memory"},
		{"kuryr", "… on a kuryr network of the embedded Neutron"},
		{"pair", "two containers on the floor plugin, side by side: one on its network, one in that one's namespace"},
		{"port", "a bound port made and deleted in the real Neutron that GOZUN_OPENSTACK tells of (tests/openstack)"},
		{"real", "docker run and rm on a kuryr network of that Neutron"},
		{"real-spare", "… with as many spare ports as containers are started at once"},
		{"zun", "zun run: POST to 202, POST to Running, and delete"},
		{"zun-real", "… with that Keystone and Neutron"},
		{"api", "requests per second"},
		{"stream", "zun run and delete at a steady pace, whether or not those before are done"},
		{"ready", "from the start of zund to the first answer"},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // a second Ctrl-C ends at once
		<-ctx.Done()
		stop()
	}()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	progress := stderr
	if o.quiet {
		progress = io.Discard
	}
	b := newBench(o, progress)
	report, err := b.run(ctx)
	if o.json {
		return errors.Join(err, report.writeJSON(stdout))
	}
	report.writeText(stdout)
	return err
}

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	var cases string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.IntVar(&o.rounds, "rounds", 15, "rounds of one container at a time, after one of warming up")
	flags.IntVar(&o.batches, "batches", 3, "rounds of many containers at once, after one of warming up; 0 is none")
	flags.IntVar(&o.batch, "at-once", 10, "how many containers are many")
	flags.IntVar(&o.starts, "starts", 7, "starts of zund to measure, each on a new and on a known state directory")
	flags.IntVar(&o.records, "records", 1000, "containers on record while requests are measured; with more than 1000 it is done with 1000, too")
	flags.IntVar(&o.orders, "orders", 20, "containers ordered in the case stream, and in api with zun, for each number on record")
	flags.DurationVar(&o.every, "every", 500*time.Millisecond, "time from one order to the next in the case stream")
	flags.DurationVar(&o.seconds, "api-time", 3*time.Second, "how long each kind of API request is repeated")
	flags.Uint64Var(&o.seed, "seed", 0, "of the order within rounds (default: drawn, and printed)")
	flags.BoolVar(&o.json, "json", false, "print everything measured as JSON")
	flags.BoolVar(&o.quiet, "quiet", false, "do not tell the progress")
	flags.StringVar(&cases, "case", "", "only these cases, separated by commas")
	flags.StringVar(&o.bin, "bin", "bin", "directory of zund and kuryr-libnetwork")
	flags.StringVar(&o.profile, "profile", "", "directory for CPU profiles (needs a zund that was built with -tags pprof)")
	flags.Usage = func() {
		fmt.Fprint(stdout, synopsis)
		for _, c := range caseNames() {
			fmt.Fprintf(stdout, "  %-12s %s\n", c.name, c.purpose)
		}
		fmt.Fprintln(stdout, "\nOptions:")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("there is no argument %q. Try: bench --help", flags.Arg(0))
	}
	if o.rounds < 1 || o.batches < 0 || o.batch < 2 || o.starts < 1 || o.records < fewRecords || o.orders < 1 || o.every < time.Millisecond {
		return o, errors.New("too few of something. Try: bench --help")
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	err := o.choose(cases)
	return o, err
}

// choose reads --case.
func (o *options) choose(cases string) error {
	o.cases = map[string]bool{}
	for name := range strings.SplitSeq(cases, ",") {
		if name == "" {
			continue
		}
		if !slices.ContainsFunc(caseNames(), func(c struct{ name, purpose string }) bool { return c.name == name }) {
			return fmt.Errorf("there is no case %q. Try: bench --help", name)
		}
		o.cases[name] = true
	}
	return nil
}
