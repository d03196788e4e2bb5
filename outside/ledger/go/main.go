// Command outside checks logs with the code that Go's module database is checked with, and writes one.
//
//	outside verify KEY FOLDER…   one line of JSON for each folder: what was checked, or why it is refused
//	outside witnessed FILE KEY WITNESS…   whether a log and all of some witnesses signed a checkpoint
//	outside write FOLDER SIZE    a log with so many entries; the key that checks it is in FOLDER/vkey
//
// A folder has log/ (C2SP tlog-tiles), old/ (checkpoints of earlier times, named by size), proofs/
// (NUMBER.tlog-proof beside NUMBER.entry) and growth/ (consistency proofs, as witnesses get them).
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

type counts struct {
	Case        string `json:"case"`
	Error       string `json:"error"`
	Entries     int    `json:"entries"`
	Inclusion   int    `json:"inclusion"`
	Consistency int    `json:"consistency"`
	Files       int    `json:"files"`
}

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: outside verify KEY FOLDER… | outside write FOLDER SIZE"))
	}
	if os.Args[1] == "write" {
		size, err := strconv.Atoi(os.Args[3])
		fail(err)
		fail(write(os.Args[2], size))
		return
	}
	if os.Args[1] == "witnessed" {
		c := counts{Case: filepath.Base(os.Args[2])}
		if err := witnessed(os.Args[2], os.Args[3], os.Args[4:]); err != nil {
			c.Error = err.Error()
		}
		line, err := json.Marshal(c)
		fail(err)
		fmt.Println(string(line))
		return
	}
	key, err := note.NewVerifier(os.Args[2])
	fail(err)
	for _, folder := range os.Args[3:] {
		c := counts{Case: filepath.Base(folder)}
		if err := verify(folder, key, &c); err != nil {
			c.Error = err.Error()
		}
		line, err := json.Marshal(c)
		fail(err)
		fmt.Println(string(line))
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// files are the tiles of a log, in the paths of C2SP, which leave the height out.
type files string

func (f files) Height() int                             { return 8 }
func (f files) SaveTiles(tiles []tlog.Tile, _ [][]byte) {}
func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), path(t)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func path(t tlog.Tile) string {
	return strings.Replace(t.Path(), "tile/8/", "tile/", 1)
}

func bundlePath(index, entries int) string {
	t := tlog.Tile{H: 8, L: 0, N: int64(index), W: entries}
	return strings.Replace(t.Path(), "tile/8/0/", "tile/entries/", 1)
}

// verify goes through all that a folder claims.
func verify(folder string, key note.Verifier, c *counts) error {
	log := filepath.Join(folder, "log")
	content, err := os.ReadFile(filepath.Join(log, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := open(content, key)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	reader := tlog.TileHashReader(tree, files(log))
	if err := entries(log, tree, reader, c); err != nil {
		return err
	}
	if err := included(tree, reader, c); err != nil {
		return err
	}
	olds, err := grown(folder, tree, reader, key, c)
	if err != nil {
		return err
	}
	if err := proofs(folder, key, c); err != nil {
		return err
	}
	return growth(folder, olds, key, c)
}

// open gives the tree of a checkpoint that the log signed.
func open(content []byte, key note.Verifier) (tlog.Tree, error) {
	n, err := note.Open(content, note.VerifierList(key))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != key.Name() {
		return tlog.Tree{}, fmt.Errorf("no checkpoint of %s", key.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// entries hashes every entry, and compares it with the hash in the tree.
func entries(log string, tree tlog.Tree, reader tlog.HashReader, c *counts) error {
	for start := 0; start < int(tree.N); start += width {
		some := min(width, int(tree.N)-start)
		bundle, err := os.ReadFile(filepath.Join(log, bundlePath(start/width, some)))
		if err != nil {
			return err
		}
		indexes := make([]int64, some)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, int64(start+i))
		}
		wanted, err := reader.ReadHashes(indexes)
		if err != nil {
			return fmt.Errorf("tiles: %w", err)
		}
		for i := range wanted {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("bundle %d ends too early", start/width)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:2+length]) != wanted[i] {
				return fmt.Errorf("entry %d is not the one in the tree", start+i)
			}
			bundle = bundle[2+length:]
			c.Entries++
		}
		if len(bundle) != 0 {
			return fmt.Errorf("bundle %d has more than its entries", start/width)
		}
	}
	return nil
}

// included makes proofs out of the tiles, and checks them.
func included(tree tlog.Tree, reader tlog.HashReader, c *counts) error {
	step := max(1, tree.N/400)
	for i := int64(0); i < tree.N; i += step {
		proof, err := tlog.ProveRecord(tree.N, i, reader)
		if err != nil {
			return fmt.Errorf("inclusion of %d: %w", i, err)
		}
		hash, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, i)})
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, i, hash[0]); err != nil {
			return fmt.Errorf("inclusion of %d: %w", i, err)
		}
		c.Inclusion++
	}
	return nil
}

// grown checks that each checkpoint of earlier times is a beginning of all later ones.
func grown(folder string, tree tlog.Tree, reader tlog.HashReader, key note.Verifier, c *counts) (map[int64]tlog.Tree, error) {
	names, err := filepath.Glob(filepath.Join(folder, "old", "*"))
	if err != nil {
		return nil, err
	}
	trees := map[int64]tlog.Tree{tree.N: tree}
	sizes := []int64{tree.N}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		old, err := open(content, key)
		if err != nil {
			return nil, fmt.Errorf("old checkpoint %s: %w", filepath.Base(name), err)
		}
		if old.N != tree.N {
			sizes = append(sizes, old.N)
		}
		trees[old.N] = old
	}
	sort.Slice(sizes, func(i, j int) bool { return sizes[i] < sizes[j] })
	for i, old := range sizes {
		for _, newer := range sizes[i:] {
			proof, err := tlog.ProveTree(newer, old, reader)
			if err != nil {
				return nil, fmt.Errorf("consistency of %d and %d: %w", old, newer, err)
			}
			if err := tlog.CheckTree(proof, newer, trees[newer].Hash, old, trees[old].Hash); err != nil {
				return nil, fmt.Errorf("consistency of %d and %d: %w", old, newer, err)
			}
			c.Consistency++
		}
	}
	return trees, nil
}

// proofs checks each .tlog-proof file for the entry beside it.
func proofs(folder string, key note.Verifier, c *counts) error {
	names, err := filepath.Glob(filepath.Join(folder, "proofs", "*.tlog-proof"))
	if err != nil {
		return err
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		entry, err := os.ReadFile(strings.TrimSuffix(name, ".tlog-proof") + ".entry")
		if err != nil {
			return err
		}
		lines, hashes, checkpoint, err := parts(content, "c2sp.org/tlog-proof@v1")
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		index, err := strconv.ParseInt(strings.TrimPrefix(lines, "index "), 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		tree, err := open(checkpoint, key)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		c.Files++
	}
	return nil
}

// growth checks each consistency proof, from a checkpoint in old/ to the one that is in it.
func growth(folder string, olds map[int64]tlog.Tree, key note.Verifier, c *counts) error {
	names, err := filepath.Glob(filepath.Join(folder, "growth", "*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		line, hashes, checkpoint, err := parts(content, "")
		if err != nil {
			return fmt.Errorf("growth %s: %w", filepath.Base(name), err)
		}
		size, err := strconv.ParseInt(strings.TrimPrefix(line, "old "), 10, 64)
		if err != nil {
			return err
		}
		tree, err := open(checkpoint, key)
		if err != nil {
			return fmt.Errorf("growth %s: %w", filepath.Base(name), err)
		}
		old, known := olds[size]
		if !known {
			return fmt.Errorf("growth %s: no checkpoint of %d entries", filepath.Base(name), size)
		}
		if err := tlog.CheckTree(tlog.TreeProof(hashes), tree.N, tree.Hash, size, old.Hash); err != nil {
			return fmt.Errorf("growth %s: %w", filepath.Base(name), err)
		}
		c.Files++
	}
	return nil
}

// parts gives the line with a number, the hashes after it, and the checkpoint after an empty line.
func parts(content []byte, header string) (string, tlog.RecordProof, []byte, error) {
	head, checkpoint, found := bytes.Cut(content, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if header != "" {
		if lines[0] != header {
			return "", nil, nil, fmt.Errorf("no %s", header)
		}
		lines = lines[1:]
	}
	if !found || len(lines) == 0 {
		return "", nil, nil, fmt.Errorf("no checkpoint")
	}
	var hashes tlog.RecordProof
	for _, line := range lines[1:] {
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return "", nil, nil, fmt.Errorf("%q is no hash", line)
		}
		hashes = append(hashes, tlog.Hash(raw))
	}
	return lines[0], hashes, checkpoint, nil
}

// write makes a log, with a fresh key.
func write(folder string, size int) error {
	private, public, err := note.GenerateKey(rand.Reader, "go.example/log")
	if err != nil {
		return err
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var some []tlog.Hash
		for _, i := range indexes {
			some = append(some, stored[i])
		}
		return some, nil
	})
	var bundle []byte
	for i := 0; i < size; i++ {
		entry := []byte(fmt.Sprintf("entry %d, written by Go", i))
		hashes, err := tlog.StoredHashes(int64(i), entry, reader)
		if err != nil {
			return err
		}
		stored = append(stored, hashes...)
		bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...)
		if (i+1)%width == 0 || i+1 == size {
			name := bundlePath(i/width, i%width+1)
			if err := save(filepath.Join(folder, name), bundle); err != nil {
				return err
			}
			bundle = nil
		}
	}
	for _, t := range tlog.NewTiles(8, 0, int64(size)) {
		data, err := tlog.ReadTileData(t, reader)
		if err != nil {
			return err
		}
		if err := save(filepath.Join(folder, path(t)), data); err != nil {
			return err
		}
	}
	root, err := tlog.TreeHash(int64(size), reader)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("go.example/log\n%d\n%s\n", size, root)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return err
	}
	if err := save(filepath.Join(folder, "checkpoint"), signed); err != nil {
		return err
	}
	return save(filepath.Join(folder, "vkey"), []byte(public))
}

func save(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, content, 0o666)
}
