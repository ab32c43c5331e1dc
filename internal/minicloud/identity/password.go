package identity

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gozun/gozun/zun"
)

// maxPassword is the number of bytes that bcrypt looks at.
const maxPassword = 72

// hashPassword returns the hash of a password. CodeInvalid: it is empty or too long.
func hashPassword(password string, cost int) ([]byte, error) {
	if err := checkPassword(password); err != nil {
		return nil, err
	}
	return bcrypt.GenerateFromPassword([]byte(password), cost)
}

// checkPassword checks a password that is to be set. CodeInvalid.
func checkPassword(password string) error {
	switch {
	case password == "":
		return zun.Errorf(zun.CodeInvalid, "the password must not be empty")
	case len(password) > maxPassword:
		return zun.Errorf(zun.CodeInvalid, "the password has %d bytes; the limit is %d", len(password), maxPassword)
	}
	return nil
}

// unmatchable returns a hash that no password has, and that takes as long to compare with
// as a real one: bcrypt's form, 22 characters of salt and 31 of hash, all by chance.
func unmatchable(cost int) []byte {
	chance := strings.NewReplacer("-", ".", "_", "/").Replace(secret(40))[:53]
	return fmt.Appendf(nil, "$2a$%02d$%s", cost, chance)
}

// freeGuesses is how many wrong passwords in a row cost nothing.
const freeGuesses = 5

// The delay of the first answer after that, and of the last; it doubles in between.
const (
	firstDelay = 250 * time.Millisecond
	lastDelay  = 8 * time.Second
)

// guesses counts wrong passwords in a row, and bounds the processors spent on comparing
// them. Answers are delayed rather than users locked out: who guesses at somebody's
// password must not be able to keep that person out.
type guesses struct {
	mu    sync.Mutex
	wrong map[string]int // by user id; only users that are there
	turns chan struct{}
}

func newGuesses() *guesses {
	return &guesses{wrong: map[string]int{}, turns: make(chan struct{}, max(1, runtime.NumCPU()))}
}

// delay returns how long the next answer to the user is held back.
func (g *guesses) delay(userID string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	over := g.wrong[userID] - freeGuesses
	if over < 0 {
		return 0
	}
	return min(lastDelay, firstDelay<<min(over, 10))
}

func (g *guesses) note(userID string, right bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if right {
		delete(g.wrong, userID)
		return
	}
	g.wrong[userID]++
}

// matches reports whether the password is the user's. For a user who is not there (the
// zero user), or has no password, it takes as long and is false. The error is only that
// ctx ended.
func (s *Service) matches(ctx context.Context, u user, password string) (bool, error) {
	if delay := s.guesses.delay(u.ID); delay > 0 && u.ID != "" {
		if err := s.config.Wait(ctx, delay); err != nil {
			return false, err
		}
	}
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case s.guesses.turns <- struct{}{}:
		defer func() { <-s.guesses.turns }()
	}
	hash := u.PasswordHash
	possible := len(hash) > 0 && len(password) <= maxPassword // bcrypt would take what begins with a right one
	if !possible {
		hash = s.nobody
	}
	right := bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && possible
	if u.ID != "" {
		s.guesses.note(u.ID, right)
	}
	return right, nil
}
