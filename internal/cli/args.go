package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

func noArgs(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageErrorf("%s takes no argument, and %q was given", command.Name(), args[0])
	}
	return nil
}

// exactArgs wants one argument for each name.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usageErrorf("%s needs %s", command.Name(), strings.Join(names[len(args):], " and "))
		}
		if len(args) > len(names) {
			return usageErrorf("%s: %q is one argument too many", command.Name(), args[len(names)])
		}
		return notEmpty(names, args)
	}
}

// leastArgs wants one argument for each name; more are welcome.
func leastArgs(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usageErrorf("%s needs %s", command.Name(), strings.Join(names[len(args):], " and "))
		}
		return notEmpty(names, args)
	}
}

// notEmpty finds the empty names that an unset shell variable leaves: "zun delete $X"
// written with quotes must not become a request for the whole collection.
func notEmpty(names, args []string) error {
	for i, name := range names {
		if args[i] == "" {
			return usageErrorf("%s is empty", name)
		}
	}
	return nil
}

// splitWords splits a flag's value into words as a POSIX shell does.
func splitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			if quote == '"' && r != '"' && r != '\\' {
				word.WriteRune('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, usageErrorf("%q has an open quote at its end", text)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

func atMostArg(name string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usageErrorf("%s takes one %s at most, and %q is one too many", command.Name(), name, args[1])
		}
		return notEmpty([]string{name}[:len(args)], args)
	}
}

// noSubcommand is for a command that is only a group of others: cobra would answer a
// wrong one with the help text and success.
func noSubcommand(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(command, args[0])
}
