package api

import (
	"strings"

	"github.com/gozun/gozun/zun"
)

// splitWords splits a command line into words as a POSIX shell does, without expanding
// anything: blanks separate, a backslash takes the next character as it is, single quotes
// take everything, and in double quotes a backslash is special before " and \ only, as in
// Python's shlex, which Zun uses. An open quote or a last lone backslash is CodeInvalid.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote, escaped := false, rune(0), false
	for _, c := range line {
		switch {
		case escaped:
			if quote == '"' && c != '"' && c != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && strings.ContainsRune(" \t\r\n", c):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot split the command into words: a quote (%c) is not closed", quote)
	}
	if escaped {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot split the command into words: nothing follows the last backslash")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
