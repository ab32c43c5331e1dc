package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// output is how a command shows what it found.
type output struct {
	format   string
	columns  []string
	noindent bool
	sift     sift // of lists
}

var formats = []string{"table", "json", "yaml", "value", "csv"}

// outputFlags gives a command the flags of python-openstackclient's formatters.
func outputFlags(command *cobra.Command) *output {
	o := &output{}
	flags := command.Flags()
	flags.StringVarP(&o.format, "format", "f", "table", "output format: "+strings.Join(formats, ", "))
	flags.StringArrayVarP(&o.columns, "column", "c", nil, "show only this column, repeatable")
	flags.BoolVar(&o.noindent, "noindent", false, "json on one line")
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	_ = command.RegisterFlagCompletionFunc("column", cobra.NoFileCompletions)
	return o
}

// check finds a wrong format before anything is asked or made.
func (o *output) check() error {
	if slices.Contains(formats, o.format) {
		return nil
	}
	return usageErrorf("-f %s is no output format; there are %s", o.format, strings.Join(formats, ", "))
}

// everything reports whether extra columns are shown without being asked for.
func (o *output) everything() bool { return o.format == "json" || o.format == "yaml" }

// column is one column of a list, or one field of a thing shown alone.
type column[T any] struct {
	name  string
	get   func(T) any
	extra bool // shown only with -c, and in json and yaml
}

// choose returns the columns to show. Names given with -c are matched without regard to
// case, and shown in the order given.
func choose[T any](o *output, all []column[T], extras bool) ([]column[T], error) {
	var chosen []column[T]
	for _, name := range o.columns {
		c, err := find(all, "-c", name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, c)
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	for _, c := range all {
		if extras || !c.extra {
			chosen = append(chosen, c)
		}
	}
	return chosen, nil
}

func names[T any](columns []column[T]) []string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.name
	}
	return all
}

// writer shows what was found.
type writer[T, Found any] func(w io.Writer, o *output, all []column[T], found Found) error

// writeList shows items, one per row.
func writeList[T any](w io.Writer, o *output, all []column[T], items []T) error {
	columns, err := choose(o, all, o.everything())
	if err != nil {
		return err
	}
	if items, err = sifted(o.sift, all, items); err != nil {
		return err
	}
	rows := make([][]any, len(items))
	for i, item := range items {
		for _, c := range columns {
			rows[i] = append(rows[i], c.get(item))
		}
	}
	switch o.format {
	case "json", "yaml":
		objects := make([]any, len(rows))
		for i, row := range rows {
			objects[i] = object{names(columns), row}
		}
		return o.structured(w, objects)
	case "csv":
		return writeCSV(w, names(columns), rows)
	case "value":
		return writeValues(w, rows, " ")
	}
	return writeTable(w, names(columns), rows, true)
}

// writeShow shows one item, a field per row.
func writeShow[T any](w io.Writer, o *output, all []column[T], item T) error {
	columns, err := choose(o, all, o.everything())
	if err != nil {
		return err
	}
	values := make([]any, len(columns))
	rows := make([][]any, len(columns))
	for i, c := range columns {
		values[i] = c.get(item)
		rows[i] = []any{c.name, values[i]}
	}
	switch o.format {
	case "json", "yaml":
		return o.structured(w, object{names(columns), values})
	case "csv":
		return writeCSV(w, []string{"Field", "Value"}, rows)
	case "value":
		return writeValues(w, transposed(values), "\n")
	}
	return writeTable(w, []string{"Field", "Value"}, rows, false)
}

func transposed(values []any) [][]any {
	rows := make([][]any, len(values))
	for i, v := range values {
		rows[i] = []any{v}
	}
	return rows
}

func (o *output) structured(w io.Writer, value any) error {
	if o.format == "yaml" {
		return writeYAML(w, value)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if !o.noindent {
		encoder.SetIndent("", "  ")
	}
	return encoder.Encode(value)
}

// object is a JSON object that keeps the order of its keys.
type object struct {
	keys   []string
	values []any
}

// MarshalJSON writes the object in its order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := appendJSON(&b, key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := appendJSON(&b, o.values[i]); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func appendJSON(b *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
