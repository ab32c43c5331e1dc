package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// FuzzParseAuth checks that no login body makes the parser panic, and that what it lets
// through is complete: what comes after relies on it.
func FuzzParseAuth(f *testing.F) {
	for _, seed := range []string{
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"u","password":"p"}}},"scope":{"project":{"id":"p"}}}}`,
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"u","domain":{"name":"Default"},"password":"p"}}}}}`,
		`{"auth":{"identity":{"methods":["token"],"token":{"id":"t"}},"scope":"unscoped"}}`,
		`{"auth":{"identity":{"methods":["token"],"token":{"id":"t"}},"scope":{"domain":{"name":"Default"}}}}`,
		`{"auth":{"identity":{"methods":["token","password"],"token":{"id":"t"}},"scope":{"unscoped":{}}}}`,
		`{"auth":{"identity":{"methods":[]},"scope":{"system":{"all":true},"OS-TRUST:trust":{"id":"t"}}}}`,
		`{}`, `[]`, `null`, `"`, `{"auth":5}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		w, err := parseAuth(raw)
		if err != nil {
			if status := zun.CodeOf(err).Status(); status != 400 && status != 401 {
				t.Errorf("status %d for %q: %v", status, raw, err)
			}
			return
		}
		if len(w.methods) == 0 || w.user == nil && w.token == "" {
			t.Errorf("%q proves nothing and was let through", raw)
		}
		if w.user != nil {
			_ = w.user.is("a", "b")
			_ = *w.user.Password
		}
		if w.scope != nil && (w.scope.Project == nil) == (w.scope.Domain == nil) {
			t.Errorf("%q has not one scope", raw)
		}
		if w.scope != nil && w.scope.Project != nil {
			_ = w.scope.Project.is("a", "b")
		}
	})
}

// service starts a bootstrapped service without HTTP, with a clock that the test moves.
func service(tb testing.TB, path string, now *time.Time) (*Service, *kv.DB, Passwords) {
	tb.Helper()
	db, err := kv.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	s, err := New(Config{DB: db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return *now }, BcryptCost: bcrypt.MinCost})
	if err != nil {
		tb.Fatal(err)
	}
	passwords, err := s.Bootstrap(tb.Context(), Bootstrap{Endpoints: map[string]string{"identity": "http://127.0.0.1:5000/v3"}})
	if err != nil {
		tb.Fatal(err)
	}
	return s, db, passwords
}

// issue puts a token of the user into the state, as a login would.
func (s *Service) issue(tb testing.TB, name, project string) string {
	tb.Helper()
	token := secret(32)
	err := s.state.write(func(b *batch) error {
		u, _ := s.state.userByName(name)
		p, _ := s.state.projectByName(project)
		now := s.config.Now()
		s.state.tokens.put(b, hashToken(token), tokenRow{
			UserID: u.ID, Scope: scope{ProjectID: p.ID}, Methods: []string{"password"}, AuditIDs: []string{secret(16)},
			IssuedAt: now, ExpiresAt: now.Add(s.config.TokenLife),
		})
		return s.sweep(b)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func TestExpiredTokensAreSweptFromDiskToo(t *testing.T) {
	now := time.Now()
	s, db, _ := service(t, filepath.Join(t.TempDir(), "kv.db"), &now)
	s.issue(t, "demo", "demo")
	now = now.Add(6 * time.Hour)
	s.issue(t, "demo", "demo")
	now = now.Add(expiredWindow + 6*time.Hour) // of the first nobody may ask any more, of the second they may
	s.issue(t, "demo", "demo")
	var kept map[string]tokenRow
	err := db.View(func(tx *kv.Tx) (err error) {
		kept, err = s.state.tokens.bucket.All(tx)
		return err
	})
	if err != nil || len(kept) != 2 || len(s.state.tokens.rows) != 2 {
		t.Errorf("%d tokens on disk, %d in memory, %v; want 2", len(kept), len(s.state.tokens.rows), err)
	}
}

func TestNeitherTokensNorPasswordsAreOnDiskInClear(t *testing.T) {
	now := time.Now()
	s, db, passwords := service(t, filepath.Join(t.TempDir(), "kv.db"), &now)
	secrets := []string{s.issue(t, "demo", "demo"), passwords["demo"], passwords["admin"]}
	err := db.View(func(tx *kv.Tx) error {
		tokens, err := kv.Bucket[any]("identity.tokens").All(tx)
		if err != nil {
			return err
		}
		users, err := kv.Bucket[any]("identity.users").All(tx)
		if len(tokens) == 0 || len(users) != 4 {
			t.Errorf("%d tokens and %d users found", len(tokens), len(users))
		}
		for _, word := range secrets {
			if bytes.Contains([]byte(fmt.Sprint(tokens, users)), []byte(word)) {
				t.Errorf("%q is on disk", word)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestBootstrapAgain(t *testing.T) {
	now := time.Now()
	s, _, set := service(t, filepath.Join(t.TempDir(), "kv.db"), &now)
	if len(set) != 4 {
		t.Fatalf("passwords of %d users, want 4", len(set))
	}
	err := s.state.write(func(b *batch) error {
		for _, name := range []string{"demo", "zun"} {
			u, _ := s.state.userByName(name)
			s.state.users.remove(b, u.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	kuryr, _ := s.state.userByName("kuryr")
	old := s.issue(t, "kuryr", "service")
	again, err := s.Bootstrap(t.Context(), Bootstrap{
		Endpoints: map[string]string{"identity": "http://127.0.0.1:5001/v3"}, Renew: []string{"kuryr", "admin", "demo"}, Passwords: map[string]string{"zun": "given"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, there := s.state.userByName("demo"); there {
		t.Error("a deleted person came back")
	}
	if u, there := s.state.userByName("zun"); !there || bcrypt.CompareHashAndPassword(u.PasswordHash, []byte("given")) != nil || again["zun"] != "given" {
		t.Error("a deleted service user did not come back with the password given")
	}
	renewed, _ := s.state.userByName("kuryr")
	if renewed.ID != kuryr.ID || bcrypt.CompareHashAndPassword(renewed.PasswordHash, []byte(again["kuryr"])) != nil {
		t.Error("a password was not renewed")
	}
	if _, err := s.Validate(t.Context(), old); err == nil {
		t.Error("a token outlived the password it was got with")
	}
	boss, _ := s.state.userByName("admin")
	if bcrypt.CompareHashAndPassword(boss.PasswordHash, []byte(again["admin"])) != nil {
		t.Error("the password of a person was not renewed")
	}
	if len(again) != 3 {
		t.Errorf("passwords of %d users, want 3: zun, kuryr, admin", len(again))
	}
	if len(s.state.endpoints.rows) != 3 {
		t.Errorf("%d endpoints, want 3", len(s.state.endpoints.rows))
	}
	for _, e := range s.state.endpoints.rows {
		if e.URL != "http://127.0.0.1:5001/v3" {
			t.Errorf("endpoint at %s", e.URL)
		}
	}
}

// TestValidationDoesNotWaitForTheDisk holds a change inside its disk part and validates
// meanwhile.
func TestValidationDoesNotWaitForTheDisk(t *testing.T) {
	now := time.Now()
	s, _, _ := service(t, filepath.Join(t.TempDir(), "kv.db"), &now)
	token := s.issue(t, "demo", "demo")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	onDisk, done := make(chan struct{}), make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		_ = s.state.write(func(b *batch) error {
			b.disk = append(b.disk, func(*kv.Tx) error {
				close(onDisk)
				select {
				case <-done:
				case <-ctx.Done():
					t.Error("the validation waited")
				}
				return nil
			})
			return nil
		})
	})
	<-onDisk
	if _, err := s.Validate(ctx, token); err != nil {
		t.Error(err)
	}
	close(done)
	writer.Wait()
}

func BenchmarkValidate(b *testing.B) {
	now := time.Now()
	s, _, _ := service(b, filepath.Join(b.TempDir(), "kv.db"), &now)
	token := s.issue(b, "demo", "demo")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Validate(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLoginsOfNobodyTakeAsLong(t *testing.T) {
	for _, cost := range []int{bcrypt.MinCost, 7} {
		got, err := bcrypt.Cost(unmatchable(cost))
		if err != nil || got != cost {
			t.Errorf("the cost is %d, %v; want %d", got, err, cost)
		}
		if err := bcrypt.CompareHashAndPassword(unmatchable(cost), []byte("x")); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			t.Errorf("comparing gives %v", err)
		}
	}
}

// A command that is given a token or a password must not take it for an option. One byte keeps
// the chance of a "-" high enough for the test to meet it.
func TestSecretsNeverLookLikeOptions(t *testing.T) {
	for range 2000 {
		if text := secret(1); text[0] == '-' {
			t.Fatalf("secret %q begins with a dash", text)
		}
	}
}
