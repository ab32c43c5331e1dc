package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

// versionHeader carries the microversion in requests and answers.
const versionHeader = "OpenStack-API-Version"

// serviceType is our name in the catalog and in the version header.
const serviceType = "container"

// The microversions that are served. The major number is always 1, so the rest of the
// package speaks of minor numbers only.
const (
	minMinor   = 1
	maxMinor   = 41
	ownMinor   = 41 // from here /v1/networks is ours and names mean our networks first
	minVersion = "1.1"
	maxVersion = "1.41"
)

// unsupportedVersionError is the error for a microversion that is well formed but not served.
type unsupportedVersionError struct{ asked string }

// Error tells what is served.
func (e unsupportedVersionError) Error() string {
	return "Version " + e.asked + " is not supported by the API. Minimum is " + minVersion +
		" and maximum is " + maxVersion + "."
}

// notAcceptableError is a 406 of the router: it has a fixed title and its own detail.
type notAcceptableError struct{ detail string }

// Error is the detail.
func (e notAcceptableError) Error() string { return e.detail }

// negotiate returns the minor microversion that a request asks for. Without a header it
// is the first one, as in Zun, and not the latest. "latest" may be written in any case,
// and then the service word is not looked at.
func negotiate(header http.Header) (int, error) {
	values, given := header[http.CanonicalHeaderKey(versionHeader)]
	if !given {
		return minMinor, nil
	}
	words := strings.Fields(strings.Join(values, ","))
	if len(words) != 2 {
		return 0, notAcceptableError{"Invalid service type for OpenStack-API-Version header"}
	}
	if strings.EqualFold(words[1], "latest") {
		return maxMinor, nil
	}
	if words[0] != serviceType {
		return 0, notAcceptableError{"Invalid service type for OpenStack-API-Version header"}
	}
	return parseVersion(words[1])
}

// parseVersion reads "1.12" and returns 12.
func parseVersion(text string) (int, error) {
	majorText, minorText, dotted := strings.Cut(text, ".")
	major, errMajor := strconv.ParseUint(majorText, 10, 31)
	minor, errMinor := strconv.ParseUint(minorText, 10, 31)
	if !dotted || errMajor != nil || errMinor != nil {
		return 0, notAcceptableError{"Invalid value for OpenStack-API-Version header"}
	}
	if major != 1 || minor < minMinor || minor > maxMinor {
		return 0, unsupportedVersionError{text}
	}
	return int(minor), nil
}

// versionText is the microversion as users write it.
func versionText(minor int) string { return "1." + strconv.Itoa(minor) }

// setVersionHeaders tells which microversion was used and which there are.
func setVersionHeaders(header http.Header, minor int) {
	header.Set(versionHeader, serviceType+" "+versionText(minor))
	header.Set("OpenStack-API-Minimum-Version", serviceType+" "+minVersion)
	header.Set("OpenStack-API-Maximum-Version", serviceType+" "+maxVersion)
	header.Add("Vary", versionHeader)
}

// tooNew is the error for a parameter that came with a later microversion.
func tooNew(parameter string, version, since int) error {
	return zun.Errorf(zun.CodeInvalidParamInVersion,
		"Invalid param %s because current request version is %s. %s is only supported from version %s",
		parameter, versionText(version), parameter, versionText(since))
}
