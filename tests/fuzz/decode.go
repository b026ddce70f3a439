// Reads each line of stdin (a body in base64) as Go's encoding/json does, into tagged fields, and tells who is called.
// Its matching of names ignores case, which is what makes it worth asking. See decoder.rs.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
)

type call struct {
	ID     json.RawMessage `json:"id"`
	Method *string         `json:"method"`
	Params *struct {
		Name      *string         `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"params"`
}

func text(value string) string {
	return "s" + base64.StdEncoding.EncodeToString([]byte(value))
}

func pointer(value *string) string {
	if value == nil {
		return "-"
	}
	return text(*value)
}

func id(raw json.RawMessage) string {
	var decoded string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "-"
	case json.Unmarshal(raw, &decoded) == nil:
		return text(decoded)
	}
	number, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !math.IsInf(number, 0) {
		return "?"
	}
	if number == 0 {
		number = 0 // without the sign
	}
	return fmt.Sprintf("n%016x", math.Float64bits(number))
}

func arguments(raw json.RawMessage) string {
	var members map[string]json.RawMessage
	if len(raw) == 0 || string(raw) == "null" {
		return "-"
	}
	if json.Unmarshal(raw, &members) != nil {
		return "?"
	}
	var keys []string
	for key := range members {
		keys = append(keys, text(key))
	}
	sort.Strings(keys)
	return "k" + strings.Join(keys, ",")
}

// mirrored is the argument "name", read into a tagged field, so that case is ignored here too.
func mirrored(raw json.RawMessage) string {
	var arguments struct {
		Name json.RawMessage `json:"name"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &arguments) != nil {
		return "-"
	}
	return id(arguments.Name)
}

func (c call) String() string {
	name, members, argument := "-", "-", "-"
	if c.Params != nil {
		name, members = pointer(c.Params.Name), arguments(c.Params.Arguments)
		argument = mirrored(c.Params.Arguments)
	}
	return strings.Join([]string{id(c.ID), pointer(c.Method), name, members, argument}, " ")
}

func answer(body []byte) string {
	var calls []call
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) {
		if json.Unmarshal(body, &calls) != nil {
			return "refused"
		}
	} else {
		calls = make([]call, 1)
		if json.Unmarshal(body, &calls[0]) != nil {
			return "refused"
		}
	}
	answers := make([]string, len(calls))
	for i, c := range calls {
		answers[i] = c.String()
	}
	return strings.Join(answers, "|")
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		body, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(out, answer(body))
	}
}
