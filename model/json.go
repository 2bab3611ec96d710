package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxJSONDepth is how deeply an input, output, checkpoint, signal or result may nest,
// in levels. MariaDB's JSON functions support 31 levels, three of which belong to the
// data document around a value; beyond that they return NULL instead of failing.
// SQLite supports 1,000, and PostgreSQL as many as its stack has room for: some
// 14,500.
const MaxJSONDepth = 24

// ErrTooDeep says that a value nests deeper than [MaxJSONDepth].
var ErrTooDeep = fmt.Errorf("nests deeper than %d levels, the most that every database keeps", MaxJSONDepth)

// CheckJSON returns an error if raw cannot be stored unchanged in every supported
// database: it is not JSON or not UTF-8, nests deeper than [MaxJSONDepth], contains
// a NUL or half a surrogate pair (PostgreSQL rejects both), or a number that MySQL
// would round. The error is a phrase without a subject: "is not valid JSON". A value
// that encoding/json made from Go's own numbers and strings passes unless it nests
// too deeply or a string contains a NUL.
func CheckJSON(raw json.RawMessage) error {
	if tooDeep(raw) { // first: encoding/json calls very deep values invalid
		return ErrTooDeep
	}
	if !json.Valid(raw) {
		return errors.New("is not valid JSON")
	}
	if !utf8.Valid(raw) {
		return errors.New("is not valid UTF-8")
	}
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '"':
			n, err := checkString(raw[i:])
			if err != nil {
				return err
			}
			i += n
		case c == '-' || c >= '0' && c <= '9':
			n, err := checkNumber(raw[i:])
			if err != nil {
				return err
			}
			i += n
		default:
			i++
		}
	}
	return nil
}

// trim removes the spaces around raw: those that JSON allows.
func trim(raw []byte) []byte { return bytes.Trim(raw, " \t\r\n") }

// tooDeep reports whether raw, which need not be JSON, opens more than MaxJSONDepth
// levels.
func tooDeep(raw []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxJSONDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// checkString checks the string literal at the start of raw and returns its length
// with both quotes.
func checkString(raw []byte) (int, error) {
	for i := 1; ; {
		switch {
		case raw[i] == '"':
			return i + 1, nil
		case raw[i] != '\\':
			i++
		case raw[i+1] != 'u':
			i += 2
		default:
			n, err := checkEscape(raw[i:])
			if err != nil {
				return 0, err
			}
			i += n
		}
	}
}

// checkEscape checks the \u escape at the start of raw, including the second half of
// a surrogate pair, and returns its length.
func checkEscape(raw []byte) (int, error) {
	switch code := hex4(raw[2:]); {
	case code == 0:
		return 0, errors.New(`holds a NUL character (\u0000), which databases do not keep`)
	case code >= 0xDC00 && code <= 0xDFFF:
		return 0, errors.New("holds half a surrogate pair")
	case code >= 0xD800 && code <= 0xDBFF:
		if len(raw) < 12 || raw[6] != '\\' || raw[7] != 'u' {
			return 0, errors.New("holds half a surrogate pair")
		}
		if low := hex4(raw[8:]); low < 0xDC00 || low > 0xDFFF {
			return 0, errors.New("holds half a surrogate pair")
		}
		return 12, nil
	default:
		return 6, nil
	}
}

func hex4(raw []byte) uint64 {
	n, _ := strconv.ParseUint(string(raw[:4]), 16, 32) // cannot fail: json.Valid has checked the digits
	return n
}

// checkNumber checks the number at the start of raw and returns its length.
func checkNumber(raw []byte) (int, error) {
	n := numberLength(raw)
	if text := string(raw[:n]); !keepsValue(text) {
		return 0, fmt.Errorf("holds a number of %d characters, which a database would round: write it as a string", len(text))
	}
	return n, nil
}

// numberLength is the length of the number that raw starts with.
func numberLength(raw []byte) int {
	n := 1
	for n < len(raw) && strings.IndexByte("0123456789+-.eE", raw[n]) >= 0 {
		n++
	}
	return n
}

// keepsValue reports whether a number keeps its value as a 64-bit integer or as the
// nearest float64.
func keepsValue(text string) bool {
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return true
	}
	if _, err := strconv.ParseUint(text, 10, 64); err == nil {
		return true
	}
	if len(text) > 400 {
		return false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	switch digits := significantDigits(text); {
	case digits == 0: // PostgreSQL rejects a zero whose exponent is too large
		_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
		return len(exponent) <= 4
	case digits <= 17:
		return f != 0
	}
	exact, ok := new(big.Rat).SetString(text)
	return ok && exact.Cmp(new(big.Rat).SetFloat64(f)) == 0
}

func significantDigits(text string) int {
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	digits := strings.NewReplacer("-", "", ".", "").Replace(mantissa)
	return len(strings.Trim(digits, "0"))
}
