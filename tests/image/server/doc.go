// Command server is what the demo and the end-to-end tests run in containers: one static
// program that is called by the name of what it is to do. It must not know gozun.
package main
