package store

import (
	"strings"
	"testing"
)

// Usage is summed up at every order and every placement, in a transaction that nobody else
// can write in. However many containers there are, no row of theirs is read for it.
func TestUsageIsSummedUpFromAnIndex(t *testing.T) {
	s := mustOpen(t)
	for _, query := range []string{
		"SELECT COUNT(*), SUM(cpu), SUM(memory), SUM(disk) FROM container WHERE project_id = 'p'",
		"SELECT host, status, COUNT(*), SUM(cpu), SUM(memory), SUM(disk) FROM container WHERE host <> '' GROUP BY host, status",
	} {
		var plan struct {
			ID, Parent, Notused int
			Detail              string
		}
		if err := s.write.NewRaw("EXPLAIN QUERY PLAN "+query).Scan(t.Context(), &plan.ID, &plan.Parent, &plan.Notused, &plan.Detail); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan.Detail, "COVERING INDEX") {
			t.Errorf("%s: %s", query, plan.Detail)
		}
	}
}
