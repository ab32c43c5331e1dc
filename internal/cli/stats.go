package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

func (s *session) topCommand() *cobra.Command {
	var pids []string
	command := &cobra.Command{
		Use:   "top CONTAINER [-- PS_ARGUMENT...]",
		Short: "List the processes of a running container",
		Long: `List the processes of a running container, as ps on its host shows them. Arguments of ps
go after --; they must leave the column PID in.`,
		Example: `  zun top web
  zun top web -- -o pid,rss,args
  zun top web --pid 4711`,
		Args:              leastArgs("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	out := outputFlags(command)
	command.Flags().StringArrayVar(&pids, "pid", nil, "only this process of the host's, repeatable")
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		psArgs := args[1:]
		for _, pid := range pids {
			if _, err := strconv.ParseUint(pid, 10, 31); err != nil {
				return usageErrorf("--pid %s: it is the number of a process", pid)
			}
		}
		if len(pids) > 0 {
			psArgs = append(psArgs, "-f", "-p", strings.Join(pids, ","))
		}
		c, err := s.zun()
		if err != nil {
			return err
		}
		processes, err := c.Top(command.Context(), args[0], strings.Join(psArgs, " "))
		if err != nil {
			return err
		}
		return writeList(s.Stdout, out, processColumns(processes.Titles), processes.Processes)
	}
	return command
}

// processColumns are the columns that ps has.
func processColumns(titles []string) []column[[]string] {
	columns := make([]column[[]string], len(titles))
	for i, title := range titles {
		columns[i] = column[[]string]{name: title, get: func(row []string) any {
			if i >= len(row) {
				return ""
			}
			return row[i]
		}}
	}
	return columns
}

// statsFields have the names that the service gives them, and python-zunclient prints.
func statsFields() []column[client.Stats] {
	type k = client.Stats
	return []column[k]{
		{name: "CONTAINER", get: func(s k) any { return s.Container }},
		{name: "CPU %", get: func(s k) any { return s.CPUPercent }},
		{name: "MEM USAGE(MiB)", get: func(s k) any { return s.MemoryUsage }},
		{name: "MEM LIMIT(MiB)", get: func(s k) any { return s.MemoryLimit }},
		{name: "MEM %", get: func(s k) any { return s.MemoryPercent }},
		{name: "BLOCK I/O(B)", get: func(s k) any { return s.BlockIO }},
		{name: "NET I/O(B)", get: func(s k) any { return s.NetIO }},
	}
}

func (s *session) statsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "stats CONTAINER",
		Short: "Show what a running container uses",
		Long: `Show what a running container uses, once. CPU is its part of all the processor time that
its host has had since it was started; bytes are read/written and received/sent.`,
		Example: `  zun stats web
  zun stats web -f value -c 'MEM %'`,
		Args:              exactArgs("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	out := outputFlags(command)
	command.RunE = showing(s, out, statsFields(), func(ctx context.Context, c *client.Client, args []string) (client.Stats, error) {
		return c.Stats(ctx, args[0])
	})
	return command
}
