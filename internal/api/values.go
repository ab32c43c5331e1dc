package api

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"

	"github.com/gozun/gozun/zun"
)

// stringOf returns a string, and "" for anything else.
func stringOf(value any) string {
	text, _ := value.(string)
	return text
}

// word writes a JSON value as Python's str() does for the simple ones, which is what Zun
// makes of the elements of commands and of the values of labels.
func word(value any) string {
	switch v := value.(type) {
	case nil:
		return "None"
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	raw, err := encode(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(raw)
}

// wordList turns a JSON array into words; nil for anything else and for an empty one.
func wordList(value any) []string {
	list, _ := value.([]any)
	if len(list) == 0 {
		return nil
	}
	words := make([]string, len(list))
	for i, item := range list {
		words[i] = word(item)
	}
	return words
}

// wordMap turns a JSON object into strings; nil for anything else and for an empty one.
func wordMap(value any) map[string]string {
	object, _ := value.(map[string]any)
	if len(object) == 0 {
		return nil
	}
	words := make(map[string]string, len(object))
	for key, item := range object {
		words[key] = word(item)
	}
	return words
}

// wholeNumber reads an integer that is written as a number or as digits.
func wholeNumber(value any) (int64, error) {
	if f, ok := value.(float64); ok {
		if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return 0, fmt.Errorf("%g is not a whole number", f)
		}
		return int64(f), nil
	}
	return strconv.ParseInt(word(value), 10, 64)
}

// fixedIPs puts the addresses that a user asks for into a request; "" asks for none.
func fixedIPs(net *zun.NetRequest, v4, v6 string) error {
	var err error
	if v4 != "" {
		if net.IPv4, err = netip.ParseAddr(v4); err != nil || !net.IPv4.Is4() {
			return invalidField("v4-fixed-ip", v4, "it must be an IPv4 address")
		}
	}
	if v6 != "" {
		if net.IPv6, err = netip.ParseAddr(v6); err != nil || !net.IPv6.Is6() || net.IPv6.Zone() != "" || net.IPv6.Is4In6() {
			return invalidField("v6-fixed-ip", v6, "it must be an IPv6 address")
		}
	}
	return nil
}
