package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

const (
	keySize = 32   // bytes: AES-256
	version = "v1" // begins every sealed text, so that another cipher can come
)

// Vault seals and opens texts. It is safe for concurrent use and does not change.
type Vault struct {
	path string
	keys []key // the first one seals, all open
}

// key is one line of the key file.
type key struct {
	id     string // from the key itself, so that no two lines can be mixed up
	sealer cipher.AEAD
}

// Open reads a key file, and makes one with a new key (mode 0600) if there is none.
//
// The file has one key a line: 32 bytes in base64. The first one seals; all of them open.
// Empty lines and those that begin with # count for nothing. To change the key a new line
// is put before the others, and the old one goes when everything has been sealed anew. A
// file that others than its owner may read is refused.
func Open(path string) (*Vault, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the key file %s: %w", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the key file %s: %w", path, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("cannot use the key file %s: others than its owner may use it (mode %04o). Try: chmod 600 %[1]s", path, mode)
	}
	v := &Vault{path: path}
	if v.keys, err = parse(string(text)); err != nil {
		return nil, fmt.Errorf("cannot use the key file %s: %w", path, err)
	}
	return v, nil
}

// create writes a key file with one new key. Of two processes that do so at once one gets
// to, and the other's error says that the file exists.
func create(path string) ([]byte, error) {
	secret := make([]byte, keySize)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	text := "# Keys of the passwords in the database. Without this file they cannot be read: keep a copy.\n" +
		base64.StdEncoding.EncodeToString(secret) + "\n"
	if _, err := file.WriteString(text); err != nil {
		file.Close()
		return nil, err
	}
	if err := file.Sync(); err != nil {
		file.Close()
		return nil, err
	}
	return []byte(text), file.Close()
}

// parse reads the keys. Errors name the line and never show it.
func parse(text string) ([]key, error) {
	var keys []key
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		secret, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(secret) != keySize {
			return nil, fmt.Errorf("line %d is not a key: it must be %d bytes in base64 (openssl rand -base64 %[2]d makes one)", number, keySize)
		}
		k, err := newKey(secret)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no key in it; put one there (openssl rand -base64 %d makes one), or the file's copy back", keySize)
	}
	return keys, nil
}

func newKey(secret []byte) (key, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return key{}, err
	}
	sealer, err := cipher.NewGCM(block)
	if err != nil {
		return key{}, err
	}
	sum := sha256.Sum256(append([]byte("gozun key id\x00"), secret...))
	return key{hex.EncodeToString(sum[:4]), sealer}, nil
}

// Seal encrypts a text with the first key. about says what it belongs to; Open wants the
// same again, so that nobody who can write to the database can give one thing another's
// secret.
func (v *Vault) Seal(text, about string) (string, error) {
	k := v.keys[0]
	nonce := make([]byte, k.sealer.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("cannot seal a secret: %w", err)
	}
	sealed := k.sealer.Seal(nonce, nonce, []byte(text), []byte(about))
	return strings.Join([]string{version, k.id, base64.RawStdEncoding.EncodeToString(sealed)}, ":"), nil
}

// Open decrypts what Seal returned. The error says which key is wanted, and from where.
func (v *Vault) Open(sealed, about string) (string, error) {
	id, data, err := split(sealed)
	if err != nil {
		return "", err
	}
	for _, k := range v.keys {
		if k.id != id {
			continue
		}
		size := k.sealer.NonceSize()
		if len(data) < size {
			return "", errors.New("it is too short to be a sealed secret")
		}
		text, err := k.sealer.Open(nil, data[:size], data[size:], []byte(about))
		if err != nil {
			return "", fmt.Errorf("it was changed after it was sealed with key %s", id)
		}
		return string(text), nil
	}
	return "", fmt.Errorf("it is sealed with key %s, which is not in %s", id, v.path)
}

// Current reports whether a text is sealed with the key that seals now.
func (v *Vault) Current(sealed string) bool {
	id, _, err := split(sealed)
	return err == nil && id == v.keys[0].id
}

// split takes a sealed text apart.
func split(sealed string) (id string, data []byte, err error) {
	parts := strings.Split(sealed, ":")
	if len(parts) != 3 || parts[0] != version {
		return "", nil, errors.New("it is not sealed in a way that this release knows")
	}
	data, err = base64.RawStdEncoding.DecodeString(parts[2])
	if err != nil {
		return "", nil, errors.New("it is not sealed in a way that this release knows")
	}
	return parts[1], data, nil
}
