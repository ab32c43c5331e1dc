package policy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// maxDepth bounds parentheses and nots, so that a hostile file cannot exhaust the stack.
const maxDepth = 100

// token is a word of a rule with its place, counted in bytes from 1.
type token struct {
	text     string
	position int
}

// parser reads one rule: or binds weakest, then and, then not (oslo_policy/_parser.py).
type parser struct {
	tokens []token
	next   int
	end    int
	depth  int
}

func parse(text string) (check, error) {
	if strings.TrimSpace(text) == "" {
		return always(true), nil
	}
	p := &parser{tokens: tokenize(text), end: len(text) + 1}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if t, ok := p.peek(); ok {
		return nil, fmt.Errorf("position %d: unexpected %q; expected \"and\", \"or\" or the end", t.position, t.text)
	}
	return c, nil
}

// tokenize splits at white space; opening parentheses are taken from the front of a word
// and closing ones from its end, because a word like project_id:%(project_id)s has its own.
func tokenize(text string) []token {
	var tokens []token
	for start := 0; start < len(text); {
		if isSpace(text[start]) {
			start++
			continue
		}
		end := start
		for end < len(text) && !isSpace(text[end]) {
			end++
		}
		tokens = append(tokens, splitWord(text[start:end], start+1)...)
		start = end
	}
	return tokens
}

func isSpace(b byte) bool { return b < 0x80 && unicode.IsSpace(rune(b)) }

func splitWord(word string, position int) []token {
	var tokens []token
	for strings.HasPrefix(word, "(") {
		tokens = append(tokens, token{"(", position})
		word, position = word[1:], position+1
	}
	bare := strings.TrimRight(word, ")")
	if bare != "" {
		tokens = append(tokens, token{bare, position})
	}
	for i := len(bare); i < len(word); i++ {
		tokens = append(tokens, token{")", position + i})
	}
	return tokens
}

func (p *parser) peek() (token, bool) {
	if p.next >= len(p.tokens) {
		return token{position: p.end}, false
	}
	return p.tokens[p.next], true
}

// take consumes the next token if it is the given word, in any case.
func (p *parser) take(word string) bool {
	t, ok := p.peek()
	if ok && strings.EqualFold(t.text, word) {
		p.next++
		return true
	}
	return false
}

func (p *parser) or() (check, error) {
	checks, err := p.several("or", p.and)
	if err != nil || len(checks) > 1 {
		return either(checks), err
	}
	return checks[0], nil
}

func (p *parser) and() (check, error) {
	checks, err := p.several("and", p.not)
	if err != nil || len(checks) > 1 {
		return all(checks), err
	}
	return checks[0], nil
}

// several parses operands with a word between them.
func (p *parser) several(between string, operand func() (check, error)) ([]check, error) {
	var checks []check
	for {
		c, err := operand()
		if err != nil {
			return nil, err
		}
		if checks = append(checks, c); !p.take(between) {
			return checks, nil
		}
	}
}

func (p *parser) not() (check, error) {
	t, _ := p.peek()
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("position %d: nested deeper than %d", t.position, maxDepth)
	}
	defer func() { p.depth-- }()
	if p.take("not") {
		c, err := p.not()
		if err != nil {
			return nil, err
		}
		return negate{c}, nil
	}
	if p.take("(") {
		return p.group(t)
	}
	return p.check()
}

// group reads what follows an opening parenthesis, up to its closing one.
func (p *parser) group(open token) (check, error) {
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		t, _ := p.peek()
		return nil, fmt.Errorf("position %d: the parenthesis opened at position %d is not closed", t.position, open.position)
	}
	return c, nil
}

func (p *parser) check() (check, error) {
	t, ok := p.peek()
	if !ok {
		return nil, fmt.Errorf("position %d: the rule ends where a check is expected", t.position)
	}
	switch strings.ToLower(t.text) {
	case "and", "or", ")":
		return nil, fmt.Errorf("position %d: unexpected %q; expected a check such as role:admin", t.position, t.text)
	}
	p.next++
	return readCheck(t)
}

// readCheck reads one word: "@", "!" or kind:match.
func readCheck(t token) (check, error) {
	switch t.text {
	case "@":
		return always(true), nil
	case "!":
		return always(false), nil
	}
	kind, match, ok := cutKind(t.text)
	if !ok || kind == "" || match == "" {
		return nil, fmt.Errorf("position %d: %q is not a check; write kind:match, such as role:admin", t.position, t.text)
	}
	filled, err := readTemplate(match, t.position+len(kind)+1)
	if err != nil {
		return nil, err
	}
	return makeCheck(t, kind, match, filled)
}

func makeCheck(t token, kind, match string, filled template) (check, error) {
	switch kind {
	case "rule":
		return reference{name: match, position: t.position}, nil
	case "role":
		return hasRole{name: filled}, nil
	case "is_admin":
		want, err := strconv.ParseBool(match)
		if err != nil {
			return nil, fmt.Errorf("position %d: is_admin takes True or False, not %q", t.position, match)
		}
		return adminIs(want), nil
	case "http", "https":
		return nil, fmt.Errorf("position %d: checks that ask another server (%s:) are not supported", t.position, kind)
	}
	if value, ok := constant(kind); ok {
		return literal{value: value, match: filled}, nil
	}
	return credential{attribute: kind, match: filled}, nil
}

// cutKind splits at the first colon that is not within quotes.
func cutKind(word string) (kind, match string, ok bool) {
	if word[0] == '\'' || word[0] == '"' {
		end := strings.IndexByte(word[1:], word[0])
		if end < 0 || !strings.HasPrefix(word[end+2:], ":") {
			return "", "", false
		}
		return word[:end+2], word[end+3:], true
	}
	return strings.Cut(word, ":")
}

// constant returns the value of a left side that is a Python literal, spelled as Python
// prints it: that is what oslo.policy compares.
func constant(kind string) (string, bool) {
	if kind[0] == '\'' || kind[0] == '"' {
		return kind[1 : len(kind)-1], true
	}
	if kind == "True" || kind == "False" || kind == "None" {
		return kind, true
	}
	if _, err := strconv.ParseInt(kind, 10, 64); err == nil {
		return kind, true
	}
	return "", false
}

func readTemplate(match string, position int) (template, error) {
	var t template
	for rest := match; rest != ""; {
		before, after, found := strings.Cut(rest, "%(")
		if before != "" {
			t = append(t, part{text: before})
		}
		if !found {
			break
		}
		key, tail, closed := strings.Cut(after, ")s")
		if !closed || key == "" {
			at := position + len(match) - len(after) - 2
			return nil, fmt.Errorf("position %d: %q is not closed; write %%(name)s", at, "%("+after)
		}
		t = append(t, part{text: key, key: true})
		rest = tail
	}
	return t, nil
}
