package check

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteJSON writes the report for programs.
func (r Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(r)
}

// WriteTable writes the report for people: a line for each finding, and for those that are
// not ok why and what to do.
func (r Report) WriteTable(w io.Writer) error {
	width := 0
	for _, f := range r.Findings {
		width = max(width, len(f.Check))
	}
	var out strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&out, "%-5s  %-*s  %s\n", f.Level, width, f.Check, f.What)
		for _, more := range []struct{ word, text string }{{"why", f.Why}, {"do", f.Do}} {
			if more.text != "" {
				fmt.Fprintf(&out, "%*s  %s: %s\n", len("error  ")+width, "", more.word, more.text)
			}
		}
	}
	fmt.Fprintf(&out, "\n%s\n", r.verdict())
	_, err := io.WriteString(w, out.String())
	return err
}

func (r Report) verdict() string {
	tally := map[Level]int{}
	for _, f := range r.Findings {
		tally[f.Level]++
	}
	if r.Status == OK {
		return fmt.Sprintf("Host %s: all is well.", r.Host)
	}
	return fmt.Sprintf("Host %s: %s, %s.", r.Host, count(tally[Error], "error"), count(tally[Warn], "warning"))
}
