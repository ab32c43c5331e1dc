package policy

import (
	"fmt"
	"io"
	"strings"
)

const sampleHead = `# policy.yaml of gozun, made by: zund policy-sample
#
# Who may do what. Every rule there is, with its default; take the # away and change it. What
# is not here keeps its default. The file is read again when it changes, without a restart; one
# that cannot be used changes nothing, and the log says why.
#
# A rule is made of role:NAME, project_id:%(project_id)s (in the caller's own project),
# user_id:%(user_id)s (the caller's own), is_admin:True, rule:NAME, @ (everybody), ! (nobody),
# with "and", "or", "not" and parentheses.
#
# Fields of containers: a rule "container:get_one:FIELD" hides that field from those who do not
# pass it, and guards lists by it.
`

// WriteSample writes a policy.yaml in which every built-in rule is a comment, with what it
// is for and which requests ask it.
func WriteSample(w io.Writer) error {
	if _, err := io.WriteString(w, sampleHead); err != nil {
		return err
	}
	for _, d := range Defaults() {
		var operations strings.Builder
		for _, operation := range d.Operations {
			operations.WriteString("# " + operation + "\n")
		}
		if _, err := fmt.Fprintf(w, "\n# %s.\n%s#%q: %q\n", strings.TrimSuffix(d.About, "."), operations.String(), d.Name, d.Rule); err != nil {
			return err
		}
	}
	return nil
}
