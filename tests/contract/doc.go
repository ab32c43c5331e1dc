// Package contract sends the requests that the product and its users' clients make to the
// embedded Keystone and Neutron and to real ones, and compares what they answer.
//
// The requests are data, in testdata/*.txt; what a real cloud answered is kept beside them,
// so that the embedded services are held to it everywhere. It must not know how either of
// them works: it speaks HTTP to both.
package contract
