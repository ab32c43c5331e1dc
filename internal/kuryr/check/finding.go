package check

// Level says how bad a finding is.
type Level string

// The levels, from good to bad.
const (
	OK    Level = "ok"
	Warn  Level = "warn"  // works, but not all of it, or not for long
	Error Level = "error" // containers cannot get their ports
)

// ExitCode is what a program that reports the level ends with: 0, 1 or 2.
func (l Level) ExitCode() int {
	switch l {
	case OK:
		return 0
	case Warn:
		return 1
	default:
		return 2
	}
}

// Finding is the outcome of one check.
type Finding struct {
	Check string `json:"check"` // a stable word for scripts
	Level Level  `json:"status"`
	What  string `json:"what"`          // what was found
	Why   string `json:"why,omitempty"` // why that matters, or what is behind it
	Do    string `json:"do,omitempty"`  // what to do about it
}

// Report is all that was found.
type Report struct {
	Host     string    `json:"host"`   // the name that Neutron is told
	Status   Level     `json:"status"` // the worst level of the findings
	Findings []Finding `json:"findings"`
}

func (r *Report) add(f Finding) {
	r.Findings = append(r.Findings, f)
	if f.Level.ExitCode() > r.Status.ExitCode() {
		r.Status = f.Level
	}
}

func (r *Report) ok(check, what string) { r.add(Finding{Check: check, Level: OK, What: what}) }

func (r *Report) warn(check, what, why, do string) { r.add(Finding{check, Warn, what, why, do}) }

func (r *Report) bad(check, what, why, do string) { r.add(Finding{check, Error, what, why, do}) }
