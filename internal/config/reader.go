package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader takes options out of a file and collects what is wrong with them.
type reader struct {
	file  *File
	wrong []error
}

func (r *reader) get(section, key string) (string, bool) {
	value, ok, err := r.file.Get(section, key)
	if err != nil {
		r.wrong = append(r.wrong, err)
		return "", false
	}
	return value, ok
}

func (r *reader) bad(section, key, why string) {
	r.wrong = append(r.wrong, fmt.Errorf("%s: [%s] %s: %s", r.file.name, section, key, why))
}

// refuse is for options that mean something we would do wrong.
func (r *reader) refuse(section, key, why string) {
	if value, ok := r.get(section, key); ok && value != "" {
		r.bad(section, key, "this cannot be done: "+why)
	}
}

func (r *reader) text(section, key string, into *string) {
	if value, ok := r.get(section, key); ok && value != "" {
		*into = value
	}
}

func (r *reader) truth(section, key string, into *bool) {
	value, ok := r.get(section, key)
	if !ok || value == "" {
		return
	}
	switch strings.ToLower(value) {
	case "true", "1", "on", "yes", "t", "y":
		*into = true
	case "false", "0", "off", "no", "f", "n":
		*into = false
	default:
		r.bad(section, key, strconv.Quote(value)+" is neither true nor false")
	}
}

func (r *reader) choice(section, key string, into *string, of ...string) {
	value, ok := r.get(section, key)
	if !ok || value == "" {
		return
	}
	plain := strings.TrimSuffix(value, "URL") // keystoneauth has publicURL too
	if !slices.Contains(of, plain) {
		r.bad(section, key, strconv.Quote(value)+" is none of "+strings.Join(of, ", "))
		return
	}
	*into = plain
}

// count reads how many of something that is made for each of many things.
func (r *reader) count(section, key string, into *int) {
	value, ok := r.get(section, key)
	if !ok || value == "" {
		return
	}
	n, err := strconv.Atoi(value)
	const most = 100
	if err != nil || n < 0 || n > most {
		r.bad(section, key, strconv.Quote(value)+" is no number from 0 to 100")
		return
	}
	*into = n
}

func (r *reader) seconds(section, key string, into *time.Duration) {
	value, ok := r.get(section, key)
	if !ok || value == "" {
		return
	}
	n, err := strconv.ParseFloat(value, 64)
	const longest = 3600
	if err != nil || n < 0 || n > longest || n != n {
		r.bad(section, key, strconv.Quote(value)+" is no number of seconds from 0 to 3600")
		return
	}
	*into = time.Duration(n * float64(time.Second))
}
