package config

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// File is a configuration file as written. Sections are case-sensitive, as are options.
type File struct {
	name     string
	sections map[string]map[string][]string
}

// longestLine bounds one line of a file.
const longestLine = 1 << 20

// Parse reads a file; name is for the texts of errors.
//
// The dialect is that of oslo.config (oslo_config/iniparser.py): [section] lines; options
// "key = value" or "key: value", whichever mark comes first, "[DEFAULT]" need not be
// written; a line that begins with white space continues the value before it; # and ; in
// the first column begin comments, and nowhere else; one pair of quotes around a whole
// value is dropped; of an option that is written several times a single value is the last.
func Parse(r io.Reader, name string) (*File, error) {
	p := parser{file: &File{name: name, sections: map[string]map[string][]string{}}, section: "DEFAULT"}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		p.number++
		if err := p.line(strings.TrimRight(lines.Text(), " \t\r\n\v\f")); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("cannot read %s after line %d: %w", name, p.number, err)
	}
	p.flush()
	return p.file, nil
}

type parser struct {
	file    *File
	section string
	number  int
	key     string
	value   []string // lines of the option under way
}

func (p *parser) line(text string) error {
	switch {
	case text == "":
		p.flush()
	case text[0] == ' ' || text[0] == '\t':
		return p.more(strings.TrimSpace(text))
	case text[0] == '#' || text[0] == ';':
	case text[0] == '[':
		p.flush()
		return p.begin(text)
	default:
		p.flush()
		return p.option(text)
	}
	return nil
}

func (p *parser) begin(text string) error {
	end := strings.IndexByte(text, ']')
	if end < 0 {
		return p.wrong("a section without ]")
	}
	if p.section = text[1:end]; p.section == "" {
		return p.wrong("a section without a name")
	}
	return nil
}

func (p *parser) option(text string) error {
	mark := strings.IndexAny(text, "=:")
	if mark < 0 {
		return p.wrong("neither = nor : in the line")
	}
	if p.key = strings.TrimSpace(text[:mark]); p.key == "" {
		return p.wrong("an option without a name")
	}
	p.value = []string{unquote(strings.TrimSpace(text[mark+1:]))}
	return nil
}

func (p *parser) more(text string) error {
	if p.key == "" {
		return p.wrong("an indented line that continues nothing")
	}
	p.value = append(p.value, text)
	return nil
}

// unquote drops one pair of quotes around the whole value.
func unquote(value string) string {
	if n := len(value); n > 1 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') {
		return value[1 : n-1]
	}
	return value
}

// flush ends the option under way.
func (p *parser) flush() {
	if p.key == "" {
		return
	}
	section := p.file.sections[p.section]
	if section == nil {
		section = map[string][]string{}
		p.file.sections[p.section] = section
	}
	section[p.key] = append(section[p.key], strings.Join(p.value, "\n"))
	p.key, p.value = "", nil
}

// wrong never quotes the line: it may hold a password.
func (p *parser) wrong(what string) error {
	return fmt.Errorf("%s:%d: %s", p.file.name, p.number, what)
}

// Merge returns a File in which other's options win over f's, as with several
// --config-file. A MultiStr has the values of both.
func (f *File) Merge(other *File) *File {
	merged := &File{name: other.name, sections: map[string]map[string][]string{}}
	for _, from := range []*File{f, other} {
		for name, section := range from.sections {
			if merged.sections[name] == nil {
				merged.sections[name] = map[string][]string{}
			}
			for key, values := range section {
				merged.sections[name][key] = append(merged.sections[name][key], values...)
			}
		}
	}
	return merged
}

// deepest bounds $references within references.
const deepest = 10

// Get returns an option's value, $references to other options replaced, and whether the
// option is written at all.
func (f *File) Get(section, key string) (string, bool, error) {
	raw, ok := f.raw(section, key)
	if !ok {
		return "", false, nil
	}
	value, err := f.expand(section, raw, 0)
	if err != nil {
		return "", true, fmt.Errorf("%s: [%s] %s: %w", f.name, section, key, err)
	}
	return value, true, nil
}

// All returns every value of an option that may be written several times (MultiStr).
func (f *File) All(section, key string) ([]string, error) {
	var values []string
	for _, raw := range f.sections[section][key] {
		value, err := f.expand(section, raw, 0)
		if err != nil {
			return nil, fmt.Errorf("%s: [%s] %s: %w", f.name, section, key, err)
		}
		values = append(values, value)
	}
	return values, nil
}

func (f *File) raw(section, key string) (string, bool) {
	values := f.sections[section][key]
	if len(values) == 0 {
		return "", false
	}
	return values[len(values)-1], true
}

// expand replaces $name, ${name} and ${section.name}; $$ and \$ are a dollar sign. A name
// that is not an option stays as written, for passwords have dollar signs too.
func (f *File) expand(section, text string, depth int) (string, error) {
	if depth > deepest {
		return "", errors.New("references go round in a circle")
	}
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '$')
		if at < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		if at > 0 && text[at-1] == '\\' {
			out.WriteString(text[:at-1] + "$")
			text = text[at+1:]
			continue
		}
		out.WriteString(text[:at])
		name, length := reference(text[at:])
		value, ok := f.look(section, name)
		switch {
		case strings.HasPrefix(text[at:], "$$"):
			value, length = "$", 2
		case !ok:
			value, length = text[at:at+max(length, 1)], max(length, 1)
		default:
			var err error
			if value, err = f.expand(section, value, depth+1); err != nil {
				return "", err
			}
		}
		out.WriteString(value)
		text = text[at+length:]
	}
}

// reference reads the name at the head of text, which begins with $, and how long it is
// with all its marks; 0 if there is no name.
func reference(text string) (name string, length int) {
	if strings.HasPrefix(text, "${") {
		end := strings.IndexByte(text, '}')
		if end < 0 {
			return "", 0
		}
		return text[2:end], end + 1
	}
	end := 1
	for end < len(text) && isName(text[end]) {
		end++
	}
	if end == 1 {
		return "", 0
	}
	return text[1:end], end
}

func isName(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// look finds what a reference names: in its own section, in [DEFAULT], or in the section
// before the dot.
func (f *File) look(section, name string) (string, bool) {
	if name == "" {
		return "", false
	}
	if other, key, ok := strings.Cut(name, "."); ok {
		return f.raw(other, key)
	}
	if value, ok := f.raw(section, name); ok {
		return value, true
	}
	return f.raw("DEFAULT", name)
}
