package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gozun/gozun/client"
)

// stage is a line of the progress view.
type stage struct {
	name   string
	state  stageState
	took   time.Duration // so far, while it runs
	detail string
}

type stageState int

const (
	stageRunning stageState = iota
	stageDone
	stageFailed
)

// marks are the signs of the three states, and the frames of a running one.
type marks struct {
	running      []string
	done, failed string
}

var (
	unicodeMarks = marks{[]string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}, "✓", "✗"}
	asciiMarks   = marks{[]string{"-", "\\", "|", "/"}, "+", "x"}
)

// lines draws stages as text, no line wider than width. frame turns the running marks.
func lines(title string, stages []stage, m marks, frame, width int) []string {
	drawn := []string{cut(printable(title), width)}
	longest := 0
	for _, s := range stages {
		longest = max(longest, utf8.RuneCountInString(s.name))
	}
	for _, s := range stages {
		mark := m.running[frame%len(m.running)]
		switch s.state {
		case stageDone:
			mark = m.done
		case stageFailed:
			mark = m.failed
		}
		line := fmt.Sprintf("  %s %-*s %9s  %s", mark, longest, s.name, duration(s.took), oneLine(s.detail))
		drawn = append(drawn, cut(strings.TrimRight(line, " "), width))
	}
	return drawn
}

func oneLine(text string) string {
	return printable(strings.ReplaceAll(text, "\n", " "))
}

// duration writes milliseconds up to ten seconds, and then seconds.
func duration(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:max(width-1, 0)]) + "…"
}

// view shows the stages of one action: on a terminal redrawn in place, elsewhere one
// line for each stage as it ends.
type view struct {
	out   io.Writer
	live  bool
	width int
	marks marks
	now   func() time.Time

	title  string
	begun  time.Time
	events []client.Event
	first  map[string]time.Time // when a running stage was first seen, by our clock
	told   map[string]bool      // stages that have their line, when not live
	height int                  // lines on the screen
	frame  int
}

func (s *session) newView(title string) *view {
	v := &view{
		out: s.Stderr, live: s.onTerminal(s.Stderr) && !s.debug, width: width(s.Stderr), marks: asciiMarks, now: s.Now,
		title: title, begun: s.Now(), first: map[string]time.Time{}, told: map[string]bool{},
	}
	if s.speaksUnicode() {
		v.marks = unicodeMarks
	}
	if v.live {
		v.draw()
	}
	return v
}

func (s *session) speaksUnicode() bool {
	locale := either(s.Getenv("LC_ALL"), either(s.Getenv("LC_CTYPE"), s.Getenv("LANG")))
	locale = strings.ToLower(strings.ReplaceAll(locale, "-", ""))
	return strings.Contains(locale, "utf8")
}

// show takes in what the service knows now.
func (v *view) show(events []client.Event) {
	v.events = events
	for _, e := range events {
		if _, seen := v.first[e.Event]; !seen {
			v.first[e.Event] = v.now()
		}
	}
	if v.live {
		v.draw()
		return
	}
	for _, s := range v.stages() {
		if s.state != stageRunning && !v.told[s.name] {
			if len(v.told) == 0 {
				fmt.Fprintln(v.out, printable(v.title))
			}
			v.told[s.name] = true
			s.name = fmt.Sprintf("%-*s", len("container_create"), s.name) // the longest: stages end one by one, and are to align
			fmt.Fprintln(v.out, lines("", []stage{s}, v.marks, 0, 200)[1])
		}
	}
}

func (v *view) stages() []stage {
	stages := make([]stage, len(v.events))
	for i, e := range v.events {
		stages[i] = stage{name: e.Event, detail: e.Detail, took: v.now().Sub(v.first[e.Event])}
		if e.DurationMS != nil {
			stages[i].took = time.Duration(*e.DurationMS) * time.Millisecond
		} else if !e.FinishTime.IsZero() {
			stages[i].took = e.FinishTime.Sub(e.StartTime.Time)
		}
		switch {
		case e.Result == "Error":
			stages[i].state = stageFailed
		case e.Result != "" || !e.FinishTime.IsZero():
			stages[i].state = stageDone
		}
	}
	return stages
}

// draw puts the view over what it drew before.
func (v *view) draw() {
	if !v.live {
		return
	}
	title := fmt.Sprintf("%s  %s", v.title, duration(v.now().Sub(v.begun)))
	drawn := lines(title, v.stages(), v.marks, v.frame, v.width-1)
	io.WriteString(v.out, repaint(drawn, v.height))
	v.height = max(len(drawn), v.height)
	v.frame++
}

// repaint is the text that replaces the height lines above the cursor. Stages never
// become fewer, so that no line needs to be taken away.
func repaint(drawn []string, height int) string {
	var b strings.Builder
	if height > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", height)
	}
	for _, line := range drawn {
		b.WriteString("\r\x1b[2K" + line + "\n")
	}
	return b.String()
}

// finish draws for the last time. What was still running when the action ended well, a
// deletion whose record is gone, is done too.
func (v *view) finish(well bool) {
	if well {
		for i, e := range v.events {
			if e.Result == "" && e.FinishTime.IsZero() {
				v.events[i].Result = "Success"
			}
		}
	}
	v.show(v.events)
}

// done tells a person that all went well, on standard error.
func (s *session) done(format string, args ...any) {
	if s.onTerminal(s.Stderr) {
		fmt.Fprintln(s.Stderr, printable(fmt.Sprintf(format, args...)))
	}
}

// next tells a person what to do next.
func (s *session) next(format string, args ...any) {
	if s.onTerminal(s.Stderr) {
		fmt.Fprintln(s.Stderr, printable("Next: "+fmt.Sprintf(format, args...)))
	}
}

// note tells anybody, person or script's log, what they should know.
func (s *session) note(format string, args ...any) {
	fmt.Fprintln(s.Stderr, printable("note: "+fmt.Sprintf(format, args...)))
}
