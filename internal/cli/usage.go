package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usage writes the part of a help text below its description. It is ours because cobra's
// repeats the global flags below every command, and calls values "stringArray".
func usage(command *cobra.Command) error {
	w := command.OutOrStderr()
	fmt.Fprintf(w, "Usage:\n  %s\n", useLine(command))
	if command.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", command.Example)
	}
	usageCommands(w, command)
	if flags := command.LocalFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(w, "\nFlags:\n%s", flagTable(flags))
	}
	root := command.Root()
	if command.HasParent() {
		fmt.Fprintf(w, "\nGlobal flags, for credentials and --debug: %s --help\n", root.Name())
	} else {
		usageTopics(w, command)
		fmt.Fprintf(w, "\nMore about a command: %s COMMAND --help\n", root.Name())
	}
	return nil
}

func useLine(command *cobra.Command) string {
	if command.HasAvailableSubCommands() {
		return command.CommandPath() + " COMMAND"
	}
	return command.UseLine()
}

// usageCommands lists the subcommands by group, and those without one at the end.
func usageCommands(w io.Writer, command *cobra.Command) {
	longest := 0
	for _, child := range command.Commands() {
		if listed(child) {
			longest = max(longest, len(child.Name()))
		}
	}
	groups := append([]*cobra.Group{}, command.Groups()...)
	if len(groups) == 0 {
		groups = append(groups, &cobra.Group{Title: "Commands:"})
	}
	for _, group := range groups {
		heading := "\n" + group.Title + "\n"
		for _, child := range command.Commands() {
			if listed(child) && child.GroupID == group.ID {
				fmt.Fprintf(w, "%s  %-*s  %s\n", heading, longest, child.Name(), child.Short)
				heading = ""
			}
		}
	}
}

func listed(command *cobra.Command) bool {
	return command.IsAvailableCommand() || command.Name() == "help"
}

func usageTopics(w io.Writer, command *cobra.Command) {
	heading := "\nHelp topics:\n"
	for _, child := range command.Commands() {
		if child.IsAdditionalHelpTopicCommand() && !child.Hidden {
			fmt.Fprintf(w, "%s  %-21s  %s\n", heading, command.Name()+" help "+child.Name(), child.Short)
			heading = ""
		}
	}
}

// flagTable has a line for each flag: its spellings, the name of its value, its purpose.
func flagTable(flags *pflag.FlagSet) string {
	var spellings, purposes []string
	longest := 0
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		spelling := "    "
		if flag.Shorthand != "" {
			spelling = "-" + flag.Shorthand + ", "
		}
		spelling += "--" + flag.Name + placeholder(flag)
		longest = max(longest, len(spelling))
		spellings, purposes = append(spellings, spelling), append(purposes, purpose(flag))
	})
	var b strings.Builder
	for i, spelling := range spellings {
		fmt.Fprintf(&b, "  %-*s  %s\n", longest, spelling, purposes[i])
	}
	return b.String()
}

// placeholder names a flag's value after the last word of the flag: --os-auth-url URL.
func placeholder(flag *pflag.Flag) string {
	if flag.Value.Type() == "bool" {
		return ""
	}
	words := strings.FieldsFunc(flag.Name, func(r rune) bool { return strings.ContainsRune("-:_", r) })
	return " " + strings.ToUpper(words[len(words)-1])
}

// purpose is a flag's text, with its default where the text does not tell it.
func purpose(flag *pflag.Flag) string {
	if flag.Name == "help" {
		return "this text"
	}
	if flag.Name == "version" {
		return "the program's version"
	}
	switch flag.DefValue {
	case "", "0", "false", "[]":
		return flag.Usage
	}
	return flag.Usage + " (default: " + flag.DefValue + ")"
}
