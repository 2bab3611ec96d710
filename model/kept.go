package model

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// KeptJSON checks raw as [CheckJSON] does and returns it as the databases keep it,
// whichever does so in the most bytes: without insignificant space, with numbers
// written without an exponent, as PostgreSQL writes 1e308 in 309 digits, and without
// the sign of a zero. Bounds are about the bytes of that form, so that what was
// accepted once fits again when it is read back. The order of keys, and which of two
// equal keys stands, is the database's.
func KeptJSON(raw json.RawMessage) (json.RawMessage, error) {
	if err := CheckJSON(raw); err != nil {
		return nil, err
	}
	kept := bytes.NewBuffer(make([]byte, 0, len(raw)))
	if err := json.Compact(kept, raw); err != nil {
		return nil, err
	}
	if !bytes.ContainsAny(kept.Bytes(), "eE-") {
		return kept.Bytes(), nil
	}
	return plainNumbers(kept.Bytes()), nil
}

// plainNumbers writes the numbers of a valid JSON text without an exponent.
func plainNumbers(raw []byte) json.RawMessage {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '"':
			n := stringLength(raw[i:])
			out = append(out, raw[i:i+n]...)
			i += n
		case c == '-' || c >= '0' && c <= '9':
			n := numberLength(raw[i:])
			out = append(out, plainNumber(string(raw[i:i+n]))...)
			i += n
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

// stringLength is the length of the string literal that raw starts with.
func stringLength(raw []byte) int {
	for i := 1; ; i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// plainNumber is a JSON number without an exponent, and without the sign of a zero.
func plainNumber(text string) string {
	sign := ""
	if text[0] == '-' {
		sign, text = "-", text[1:]
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if strings.Trim(mantissa, "0.") == "" {
		if exponent != "" {
			mantissa = "0"
		}
		return mantissa
	}
	if exponent == "" {
		return sign + mantissa
	}
	shift, err := strconv.Atoi(exponent)
	if err != nil {
		return sign + text // CheckJSON lets no such exponent pass
	}
	return sign + shiftPoint(mantissa, shift)
}

// shiftPoint moves the point of a decimal number to the right by so many digits.
func shiftPoint(mantissa string, by int) string {
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits, point := whole+fraction, len(whole)+by
	switch {
	case point <= 0:
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	case point > len(digits):
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, fraction = strings.TrimLeft(digits[:point], "0"), digits[point:]
	if whole == "" {
		whole = "0"
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
