package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// check makes a JSON value, with numbers as json.Number, into a Go value. Its error says
// what is wrong with the value, in Neutron's way; a *fault is answered as it is.
type check func(any) (any, error)

// complaint is what is wrong with a value, in Neutron's spelling.
type complaint string

func (c complaint) Error() string { return string(c) }

func complain(format string, args ...any) error { return complaint(fmt.Sprintf(format, args...)) }

func asFault(attribute string, err error) error {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	return malformed("Invalid input for %s. Reason: %s.", attribute, err)
}

// shown is a value as it is quoted in a message, cut so that the message stays readable.
func shown(v any) string {
	if v == nil {
		return "None"
	}
	said := fmt.Sprint(v)
	if len(said) > 200 {
		said = said[:200] + "…"
	}
	return strings.ToValidUTF8(said, "?")
}

func text(limit int) check {
	return func(v any) (any, error) {
		s, ok := v.(string)
		if !ok || !utf8.ValidString(s) {
			return nil, complain("'%s' is not a valid string", shown(v))
		}
		if len([]rune(s)) > limit {
			return nil, complain("'%s' exceeds maximum length of %d", shown(s), limit)
		}
		return s, nil
	}
}

// orNull lets null through; null is then the Go value nil.
func orNull(c check) check {
	return func(v any) (any, error) {
		if v == nil {
			return nil, nil
		}
		return c(v)
	}
}

// orEmpty lets null stand for an empty value.
func orEmpty(c check, empty any) check {
	return func(v any) (any, error) {
		if v == nil {
			return c(empty)
		}
		return c(v)
	}
}

func onlyNull(v any) (any, error) {
	if v != nil {
		return nil, complain("'%s' is not supported here, only null is", shown(v))
	}
	return nil, nil
}

// boolean takes what Neutron takes: true, false, 0, 1 and their spellings.
func boolean(v any) (any, error) {
	switch strings.ToLower(shown(v)) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return nil, invalidInput("'%s' cannot be converted to boolean", shown(v))
}

func toInteger(v any) (int, error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n, nil
		}
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n, nil
		}
	}
	return 0, invalidInput("'%s' is not an integer", shown(v))
}

func integer(least, most int) check {
	return func(v any) (any, error) {
		n, err := toInteger(v)
		switch {
		case err != nil:
			return nil, err
		case n < least:
			return nil, complain("'%d' is too small - must be at least '%d'", n, least)
		case n > most:
			return nil, complain("'%d' is too large - must be no larger than '%d'", n, most)
		}
		return n, nil
	}
}

func oneOf(allowed ...string) check {
	return func(v any) (any, error) {
		s, ok := v.(string)
		if !ok || !slices.Contains(allowed, s) {
			return nil, complain("%s is not in ['%s']", shown(v), strings.Join(allowed, "', '"))
		}
		return s, nil
	}
}

func uuidText(v any) (any, error) {
	s, ok := v.(string)
	if ok && len(s) == 36 && uuid.Validate(s) == nil {
		return strings.ToLower(s), nil
	}
	return nil, complain("'%s' is not a valid UUID", shown(v))
}

func macText(v any) (any, error) {
	s, _ := v.(string)
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 || mac[0]&1 != 0 || mac.String() == "00:00:00:00:00:00" {
		return nil, complain("'%s' is not a valid MAC address", shown(v))
	}
	return mac.String(), nil
}

func ipAddress(v any) (any, error) {
	ip, err := parseAddress(v)
	if err != nil {
		return nil, err
	}
	return ip, nil
}

func parseAddress(v any) (netip.Addr, error) {
	s, _ := v.(string)
	ip, err := netip.ParseAddr(s)
	if err != nil || ip.Zone() != "" || ip.Is4In6() {
		return netip.Addr{}, complain("'%s' is not a valid IP address", shown(v))
	}
	return ip, nil
}

// roundedCIDR is cidr for the ranges of subnets and pools, whose host bits Neutron drops.
func roundedCIDR(v any) (any, error) {
	s, _ := v.(string)
	if prefix, err := netip.ParsePrefix(s); err == nil && !prefix.Addr().Is4In6() {
		return prefix.Masked(), nil
	}
	return cidr(v)
}

// noSuch refuses any object but none, where there are no objects of that kind.
func noSuch(kind, format string) check {
	return func(v any) (any, error) {
		if id, ok := v.(string); ok {
			return nil, notFound(kind, format, shown(id))
		}
		return onlyNull(v)
	}
}

// cidr takes a network address with its length; bits after the length are refused.
func cidr(v any) (any, error) {
	s, _ := v.(string)
	prefix, err := netip.ParsePrefix(s)
	if err != nil || prefix.Addr().Is4In6() {
		return nil, complain("'%s' is not a valid IP subnet", shown(v))
	}
	if prefix != prefix.Masked() {
		return nil, complain("'%s' isn't a recognized IP subnet cidr, '%s' is recommended", s, prefix.Masked())
	}
	return prefix, nil
}

// listOf checks every element and returns a []T.
func listOf[T any](limit int, c check) check {
	return func(v any) (any, error) {
		raw, ok := v.([]any)
		if !ok {
			return nil, complain("'%s' is not a list", shown(v))
		}
		if len(raw) > limit {
			return nil, complain("a list of %d is too long - no more than %d are taken", len(raw), limit)
		}
		list := make([]T, 0, len(raw))
		for _, element := range raw {
			checked, err := c(element)
			if err != nil {
				return nil, err
			}
			list = append(list, checked.(T))
		}
		return list, nil
	}
}

// unique refuses a list in which something is twice.
func unique[T comparable](c check) check {
	return func(v any) (any, error) {
		checked, err := c(v)
		if err != nil {
			return nil, err
		}
		seen := map[T]bool{}
		for _, element := range checked.([]T) {
			if seen[element] {
				return nil, complain("Duplicate items in the list: '%v'", element)
			}
			seen[element] = true
		}
		return checked, nil
	}
}

// object checks the members of a JSON object; a name that ends in "?" may be absent.
func object(what string, members map[string]check) check {
	return func(v any) (any, error) {
		raw, ok := v.(map[string]any)
		if !ok {
			return nil, complain("Invalid data format for %s: '%s'", what, shown(v))
		}
		checked := values{}
		for name, c := range members {
			name, optional := strings.CutSuffix(name, "?")
			value, there := raw[name]
			if !there {
				if optional {
					continue
				}
				return nil, complain("Invalid data format for %s: '%s' has no '%s'", what, shown(v), name)
			}
			var err error
			if checked[name], err = c(value); err != nil {
				return nil, err
			}
		}
		for name := range raw {
			if members[name] == nil && members[name+"?"] == nil {
				return nil, complain("Invalid data format for %s: unexpected '%s'", what, shown(name))
			}
		}
		return checked, nil
	}
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// orNil shows the zero value of a type as null.
func orNil[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
