// Verifies a log's folder with Go's own checksum-database code and nothing of ours.
//
//	verify DIR VERIFIER-KEY INDEX PROOF-FILE ENTRY-FILE
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type hashes []tlog.Hash

func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, (*h)[i])
	}
	return out, nil
}

func head(text, key string) (int64, tlog.Hash) {
	verifier, err := note.NewVerifier(key)
	check(err)
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	if lines[0] != verifier.Name() {
		check(fmt.Errorf("origin %s", lines[0]))
	}
	return size, root
}

func read(dir, path string) []byte {
	bytes, err := os.ReadFile(dir + "/" + path)
	check(err)
	return bytes
}

func name(level string, n, size int64) string {
	path := fmt.Sprintf("tile/%s/%03d", level, n)
	if width := size - n*256; width < 256 {
		path += fmt.Sprintf(".p/%d", width)
	}
	return path
}

func main() {
	dir, key := os.Args[1], os.Args[2]
	size, root := head(string(read(dir, "checkpoint")), key)

	// Entries, and the root over them.
	var stored hashes
	index := int64(0)
	for n := int64(0); n*256 < size; n++ {
		bundle := read(dir, name("entries", n, size))
		for len(bundle) > 0 {
			length := int(binary.BigEndian.Uint16(bundle))
			more, err := tlog.StoredHashes(index, bundle[2:2+length], &stored)
			check(err)
			stored = append(stored, more...)
			bundle = bundle[2+length:]
			index++
		}
	}
	if index != size {
		check(fmt.Errorf("%d entries, not %d", index, size))
	}
	found, err := tlog.TreeHash(size, &stored)
	check(err)
	if found != root {
		check(fmt.Errorf("root %v, not %v", found, root))
	}

	// Hash tiles.
	tiles := 0
	for _, tile := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(tile, &stored)
		check(err)
		level := int64(1) << (8 * tile.L)
		ours := read(dir, name(strconv.Itoa(tile.L), tile.N, size/level))
		if !bytes.Equal(ours, data) {
			check(fmt.Errorf("tile %v differs", tile))
		}
		tiles++
	}

	// A receipt.
	want, err := strconv.ParseInt(os.Args[3], 10, 64)
	check(err)
	text, entry := string(read("", os.Args[4])), read("", os.Args[5])
	front, checkpoint, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(front, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != fmt.Sprintf("index %d", want) {
		check(fmt.Errorf("proof starts %q", lines[:2]))
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		check(err)
		proof = append(proof, tlog.Hash(hash))
	}
	proofSize, proofRoot := head(checkpoint, key)
	check(tlog.CheckRecord(proof, proofSize, proofRoot, want, tlog.RecordHash(entry)))
	fmt.Printf("verified %d entries, %d tiles, receipt of %d\n", size, tiles, want)
}
