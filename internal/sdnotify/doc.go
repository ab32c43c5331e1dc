// Package sdnotify tells systemd what a service has to say of itself.
//
// It must not know what the service does.
package sdnotify
