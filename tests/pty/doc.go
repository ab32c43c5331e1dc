// Package pty gives tests pseudo-terminals, and knows nothing of what they run on them.
package pty
