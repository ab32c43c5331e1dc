package store

import (
	"database/sql/driver"
	"strconv"
	"strings"
)

// mostParameters is how many values a statement may have to be worth keeping: those of long lists
// are seldom as long again.
const mostParameters = 128

// parameters takes the values out of the text of a statement, so that those which differ by their
// values only have one text. It reports false for what it leaves alone: statements that are no
// plain reading or writing of rows, and those with anything but words, numbers and texts. It knows
// what bun writes for SQLite, not all of SQL.
func parameters(statement string) (text string, values []driver.NamedValue, ok bool) {
	if !isOfRows(statement) {
		return "", nil, false
	}
	p := parametrizing{statement: statement}
	p.text.Grow(len(statement))
	for p.at < len(statement) {
		if !p.next() || len(p.values) > mostParameters {
			return "", nil, false
		}
	}
	p.text.WriteString(statement[p.kept:])
	return p.text.String(), p.values, true
}

func isOfRows(statement string) bool {
	verb, _, _ := strings.Cut(statement, " ")
	switch verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE":
		return true
	}
	return false
}

// parametrizing is a statement of which a part has been read.
type parametrizing struct {
	statement string
	at        int  // what comes next
	kept      int  // up to here it is in the text
	by        bool // ORDER BY or GROUP BY: numbers are columns there, and no values
	text      strings.Builder
	values    []driver.NamedValue
}

// next reads one token, and reports whether it was one that it knows.
func (p *parametrizing) next() bool {
	rest := p.statement[p.at:]
	switch c := rest[0]; {
	case isLetter(c):
		return p.word()
	case isDigit(c):
		return !p.by && p.number()
	case c == '\'':
		return p.quoted()
	case c == '"': // bun doubles those within a name: as good as two names
		end := strings.IndexByte(rest[1:], '"')
		p.at += end + 2
		return end >= 0
	default:
		isComment := strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*")
		p.at++
		return !isComment && strings.IndexByte(" (),.=<>!*+-/|;\n\t", c) >= 0
	}
}

// take puts a parameter in the place of as many bytes.
func (p *parametrizing) take(n int, value driver.Value) bool {
	p.text.WriteString(p.statement[p.kept:p.at])
	p.text.WriteByte('?')
	p.values = append(p.values, driver.NamedValue{Ordinal: len(p.values) + 1, Value: value})
	p.at += n
	p.kept = p.at
	return true
}

// word reads a word, unless it begins a blob.
func (p *parametrizing) word() bool {
	end := p.at
	for end < len(p.statement) && (isLetter(p.statement[end]) || isDigit(p.statement[end])) {
		end++
	}
	word := p.statement[p.at:end]
	p.at = end
	switch {
	case strings.EqualFold(word, "BY"):
		p.by = true
	case strings.EqualFold(word, "LIMIT"), strings.EqualFold(word, "HAVING"):
		p.by = false
	}
	return !strings.EqualFold(word, "x") || !strings.HasPrefix(p.statement[end:], "'")
}

// number reads 1, 1.5 or 1e+06. One that does not fit is left to SQLite, which rounds it.
func (p *parametrizing) number() bool {
	end := p.at
	for end < len(p.statement) && isOfNumber(p.statement, end) {
		end++
	}
	text := p.statement[p.at:end]
	if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
		return p.take(len(text), whole)
	}
	if strings.Trim(text, "0123456789.e+-") != "" || !strings.ContainsAny(text, ".e") {
		return false
	}
	value, err := strconv.ParseFloat(text, 64)
	return err == nil && p.take(len(text), value)
}

// isOfNumber reports whether a byte after a digit goes on with its number.
func isOfNumber(statement string, i int) bool {
	switch c := statement[i]; c {
	case '+', '-':
		return statement[i-1] == 'e'
	case '.':
		return true
	default:
		return isDigit(c) || isLetter(c)
	}
}

// quoted reads 'a text', in which a quote is doubled.
func (p *parametrizing) quoted() bool {
	for n := 1; ; {
		end := strings.IndexByte(p.statement[p.at+n:], '\'')
		if end < 0 {
			return false
		}
		if n += end + 1; !strings.HasPrefix(p.statement[p.at+n:], "'") {
			return p.take(n, strings.ReplaceAll(p.statement[p.at+1:p.at+n-1], "''", "'"))
		}
		n++
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isLetter includes what a word of SQL has beyond ASCII.
func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
