// Package e2e drives the built programs (bin/) with a real Docker, as users do. Its tests
// run only with GOZUN_E2E=1 (make e2e), as root. It must not import any room: what it
// knows, it knows through commands and HTTP.
package e2e
