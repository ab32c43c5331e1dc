package dataplane

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/internal/link"
)

// Docker sets the policy of FORWARD to drop, and another table's accept cannot overrule
// that. DOCKER-USER is the chain that it leaves to others and asks first. What may pass at
// all is decided in our own table, whose drop is final whatever these rules accept.
const dockerChain = "DOCKER-USER"

func (h *host) dockerRules() [][]string {
	tag := []string{"-m", "comment", "--comment", h.prefix, "-j", "ACCEPT"}
	return [][]string{
		append([]string{"-i", "brq+", "-o", "brq+"}, tag...),
		append([]string{"-i", "gzu+"}, tag...),
		append([]string{"-o", "gzu+"}, tag...),
	}
}

// passDocker puts our accepts into Docker's chain, for IPv4 and IPv6, if they are not there.
// Without iptables there is no Docker policy to get past.
func (h *host) passDocker(ctx context.Context) error {
	var errs []error
	for _, tool := range []string{"iptables", "ip6tables"} {
		if _, err := exec.LookPath(tool); err == nil {
			errs = append(errs, h.passTool(ctx, tool))
		}
	}
	return errors.Join(errs...)
}

func (h *host) passTool(ctx context.Context, tool string) error {
	have, err := output(ctx, h.links, tool, "-w", "-S")
	if err != nil {
		return err
	}
	lines := strings.Split(have, "\n")
	var missing [][]string
	if !slices.Contains(lines, "-N "+dockerChain) {
		// dockerd takes the chain over as it is.
		missing = append(missing, []string{"-N", dockerChain})
	}
	for _, r := range h.dockerRules() {
		if !slices.Contains(lines, "-A "+dockerChain+" "+strings.Join(r, " ")) {
			missing = append(missing, append([]string{"-I", dockerChain}, r...))
		}
	}
	if !slices.Contains(lines, "-A FORWARD -j "+dockerChain) {
		missing = append(missing, []string{"-I", "FORWARD", "-j", dockerChain})
	}
	for _, args := range missing {
		if err := run(ctx, h.links, tool, append([]string{"-w"}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// unpassDocker takes our accepts out again. The chain is Docker's, unless nothing is in it:
// Docker's has a rule.
func (h *host) unpassDocker(ctx context.Context) error {
	var errs []error
	for _, tool := range []string{"iptables", "ip6tables"} {
		if _, err := exec.LookPath(tool); err == nil {
			errs = append(errs, h.unpassTool(ctx, tool))
		}
	}
	return errors.Join(errs...)
}

func (h *host) unpassTool(ctx context.Context, tool string) error {
	have, err := output(ctx, h.links, tool, "-w", "-S")
	if err != nil {
		return err
	}
	var surplus, ways [][]string // a start that was cut off has made no way into the chain
	others := 0
	for _, line := range strings.Split(have, "\n") {
		args, in := strings.CutPrefix(line, "-A "+dockerChain+" ")
		switch {
		case in && strings.Contains(line, "--comment "+h.prefix+" "):
			surplus = append(surplus, append([]string{"-D", dockerChain}, strings.Fields(args)...))
		case in:
			others++
		case line == "-A FORWARD -j "+dockerChain:
			ways = append(ways, []string{"-D", "FORWARD", "-j", dockerChain})
		}
	}
	if others == 0 && strings.Contains(have, "-N "+dockerChain+"\n") {
		surplus = append(append(surplus, ways...), []string{"-X", dockerChain})
	}
	for _, args := range surplus {
		if err := run(ctx, h.links, tool, append([]string{"-w"}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, at *link.Handle, name string, args ...string) error {
	_, err := output(ctx, at, name, args...)
	return err
}

// output runs a program in the namespace. One that waits for a lock for ever is stopped.
func output(ctx context.Context, at *link.Handle, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var out []byte
	err := at.In(func() error {
		var err error
		out, err = exec.CommandContext(ctx, name, args...).CombinedOutput()
		return err
	})
	if err != nil {
		return "", fmt.Errorf("cannot run %s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
