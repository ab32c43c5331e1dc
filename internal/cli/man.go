package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manCommand writes man pages. cobra has a generator, but it wants a Markdown converter
// and a YAML library for it; what we need of roff is a page of code.
func (s *session) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the man pages into a directory",
		Hidden: true,
		Args:   exactArgs("DIR"),
		RunE: func(command *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("cannot make the directory: %w", err)
			}
			return writeManPages(command.Root(), args[0])
		},
	}
}

func writeManPages(command *cobra.Command, dir string) error {
	if command.Hidden || command.Name() == "help" || command.Parent() != nil && command.Parent().Name() == "completion" {
		return nil
	}
	path := filepath.Join(dir, manName(command)+".1")
	if err := os.WriteFile(path, []byte(manPage(command)), 0o644); err != nil {
		return fmt.Errorf("cannot write the man page: %w", err)
	}
	for _, child := range command.Commands() {
		if err := writeManPages(child, dir); err != nil {
			return err
		}
	}
	return nil
}

func manName(command *cobra.Command) string {
	return strings.ReplaceAll(command.CommandPath(), " ", "-")
}

// manPage is one page in roff, with the man macros.
func manPage(command *cobra.Command) string {
	var b strings.Builder
	name := manName(command)
	fmt.Fprintf(&b, ".TH %s 1 \"\" gozun \"gozun manual\"\n", strings.ToUpper(roff(name)))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(command.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(useLine(command)))
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s", roffText(either(command.Long, command.Short)))
	if command.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n%s", roffBlock(command.Example))
	}
	roffCommands(&b, command)
	roffFlags(&b, "OPTIONS", command.NonInheritedFlags())
	roffFlags(&b, "GLOBAL OPTIONS", command.InheritedFlags())
	if !command.HasParent() && command.Name() == "zun" {
		fmt.Fprintf(&b, ".SH EXIT STATUS\n%s.SH ENVIRONMENT\n%s", roffBlock(exitCodesText), roffBlock(environmentText))
	}
	if command.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(manName(command.Parent())))
	}
	return b.String()
}

func roffCommands(b *strings.Builder, command *cobra.Command) {
	heading := ".SH COMMANDS\n"
	for _, child := range command.Commands() {
		if child.Hidden || child.Name() == "help" {
			continue
		}
		fmt.Fprintf(b, "%s.TP\n.BR %s (1)\n%s\n", heading, roff(manName(child)), roff(child.Short))
		heading = ""
	}
}

func roffFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	heading := ".SH " + title + "\n"
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		spelled := "--" + flag.Name + placeholder(flag)
		if flag.Shorthand != "" {
			spelled = "-" + flag.Shorthand + ", " + spelled
		}
		fmt.Fprintf(b, "%s.TP\n.B %s\n%s\n", heading, roff(spelled), roff(purpose(flag)))
		heading = ""
	})
}

func roffText(text string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		b.WriteString(roff(paragraph) + "\n")
	}
	return b.String()
}

func roffBlock(text string) string { return ".nf\n" + roff(text) + "\n.fi\n" }

// roff escapes what roff would take as its own: backslashes, hyphens, and a dot or an
// apostrophe that begins a line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
