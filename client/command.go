package client

import "strings"

// JoinCommand makes one string of a command's words, quoted so that the service, which
// splits it as a POSIX shell splits words, gets exactly the same words back. Quotes,
// blanks, backslashes and line breaks in a word need no care by the caller.
func JoinCommand(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
	}
	return strings.Join(quoted, " ")
}
