package main

import (
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// cosigner is a witness's key, as C2SP tlog-cosignature has it: Ed25519 (4) or ML-DSA-44 (6).
type cosigner struct {
	name string
	kind byte
	key  []byte
}

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(c.name+"\n"+string([]byte{c.kind})), c.key...))
	return binary.BigEndian.Uint32(sum[:])
}

func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) < 8 {
		return false
	}
	when, signature := binary.BigEndian.Uint64(signature), signature[8:]
	if c.kind == 4 {
		return ed25519.Verify(c.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", when, text), signature)
	}
	key, err := mldsa.NewPublicKey(mldsa.MLDSA44(), c.key)
	if err != nil {
		return false
	}
	message, err := c.message(string(text), when)
	return err == nil && mldsa.Verify(key, message, signature, nil) == nil
}

// message is the cosigned_message of a checkpoint.
func (c cosigner) message(text string, when uint64) ([]byte, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return nil, fmt.Errorf("no checkpoint")
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return nil, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return nil, err
	}
	message := append([]byte("subtree/v1\n\x00"), byte(len(c.name)))
	message = binary.BigEndian.AppendUint64(append(message, c.name...), when)
	message = append(append(message, byte(len(lines[0]))), lines[0]...)
	message = binary.BigEndian.AppendUint64(message, 0)
	message = binary.BigEndian.AppendUint64(message, size)
	return append(message, root[:]...), nil
}

// witnessed checks that a log and every one of some witnesses have signed a checkpoint.
func witnessed(file, log string, keys []string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(log)
	if err != nil {
		return err
	}
	known := []note.Verifier{verifier}
	for _, text := range keys {
		parts := strings.SplitN(text, "+", 3)
		raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
		if err != nil || len(parts) != 3 || len(raw) < 33 {
			return fmt.Errorf("%q is no key", text)
		}
		c := cosigner{parts[0], raw[0], raw[1:]}
		if fmt.Sprintf("%08x", c.KeyHash()) != parts[1] {
			return fmt.Errorf("%q has another id", parts[0])
		}
		known = append(known, c)
	}
	opened, err := note.Open(content, note.VerifierList(known...))
	if err != nil {
		return err
	}
	if len(opened.Sigs) != len(known) {
		return fmt.Errorf("signed by %d of %d", len(opened.Sigs), len(known))
	}
	return nil
}
