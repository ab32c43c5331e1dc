package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// writeTable draws a box as python-openstackclient does: headings as they are, all cells
// to the left, but columns of numbers to the right where the caller wants it.
func writeTable(w io.Writer, headings []string, rows [][]any, numbersRight bool) error {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Format = table.FormatOptions{}
	t.SetStyle(style)
	header := make(table.Row, len(headings))
	configs := make([]table.ColumnConfig, len(headings))
	for i, heading := range headings {
		header[i] = heading
		align := text.AlignLeft
		if numbersRight && len(rows) > 0 && isNumber(rows[0][i]) {
			align = text.AlignRight
		}
		configs[i] = table.ColumnConfig{Number: i + 1, Align: align, AlignHeader: align}
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(header)
	for _, row := range rows {
		cells := make(table.Row, len(row))
		for i, value := range row {
			cells[i] = cell(value)
		}
		t.AppendRow(cells)
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// writeValues writes bare values for scripts.
func writeValues(w io.Writer, rows [][]any, between string) error {
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, value := range row {
			cells[i] = strings.ReplaceAll(cell(value), "\n", ", ")
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, between)); err != nil {
			return err
		}
	}
	return nil
}

// writeCSV quotes all that is not a number, as python-openstackclient does.
func writeCSV(w io.Writer, headings []string, rows [][]any) error {
	heading := make([]any, len(headings))
	for i, name := range headings {
		heading[i] = name
	}
	for _, row := range append([][]any{heading}, rows...) {
		fields := make([]string, len(row))
		for i, value := range row {
			fields[i] = csvField(value)
		}
		if _, err := fmt.Fprintln(w, strings.Join(fields, ",")); err != nil {
			return err
		}
	}
	return nil
}

func isNumber(of any) bool {
	if wrapped, ok := of.(value); ok {
		of = wrapped.any
	}
	switch of.(type) {
	case int, int64, float64, json.Number:
		return true
	}
	return false
}

func csvField(value any) string {
	if isNumber(value) {
		return cell(value)
	}
	return `"` + strings.ReplaceAll(cell(value), `"`, `""`) + `"`
}

// cell is a value for human eyes, on one or more lines.
func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return printable(v)
	case fmt.Stringer:
		return printable(v.String())
	case bool:
		if v {
			return "True" // as every OpenStack client writes it
		}
		return "False"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return printable(strings.Join(v, ", "))
	case []int:
		return strings.Trim(fmt.Sprint(v), "[]")
	case map[string]string:
		lines := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			lines = append(lines, key+"="+v[key])
		}
		return printable(strings.Join(lines, "\n"))
	}
	var b bytes.Buffer
	if err := appendJSON(&b, value); err != nil {
		return fmt.Sprint(value)
	}
	var plain any
	if json.Unmarshal(b.Bytes(), &plain) == nil {
		if s, ok := plain.(string); ok { // named strings
			return printable(s)
		}
	}
	if plain == nil {
		return ""
	}
	return printable(strings.TrimSpace(b.String()))
}

// printable takes out what could drive a terminal: names and logs' reasons are other
// people's text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), r == '\u202e', r == '\u2066', r == '\u2067', r == '\u2068':
			return '\uFFFD'
		}
		return r
	}, s)
}
