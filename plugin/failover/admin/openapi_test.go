package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

func TestDocument(t *testing.T) {
	fx := open(t, Line{Local: true})
	_, _, text := fx.ask("GET /v1/openapi.json")
	var doc struct {
		OpenAPI    string                               `json:"openapi"`
		Paths      map[string]map[string]map[string]any `json:"paths"`
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("It is of OpenAPI %q", doc.OpenAPI)
	}
	described := 0
	for _, methods := range doc.Paths {
		described += len(methods)
	}
	if described != len(routes) {
		t.Errorf("It has %d operations, and there are %d routes", described, len(routes))
	}
	for _, rt := range routes {
		operation := doc.Paths[strings.ReplaceAll(rt.path, "...}", "}")][strings.ToLower(rt.method)]
		if operation["summary"] != rt.summary {
			t.Errorf("%s %s is not in it", rt.method, rt.path)
		}
		in := strings.Count(rt.path, "{")
		for _, p := range rt.params {
			if p.inPath {
				in--
			}
		}
		if in != 0 {
			t.Errorf("%s %s has parameters that are not described", rt.method, rt.path)
		}
	}
	// Every reference leads somewhere.
	for _, rest := range strings.Split(text, `"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(rest, `"`)
		if doc.Components.Schemas[name] == nil {
			t.Errorf("There is no schema of %s", name)
		}
	}
	// What is answered is as described.
	for _, rt := range routes {
		if rt.stream != nil || rt.response == nil {
			continue
		}
		status, _, answer := fx.ask(exampleOf(rt), asJSON, "", bodyOf(rt))
		if status != rt.status {
			t.Errorf("%s %s is answered %d %s, and described with %d", rt.method, rt.path, status, answer, rt.status)
			continue
		}
		operation := doc.Paths[strings.ReplaceAll(rt.path, "...}", "}")][strings.ToLower(rt.method)]
		response := operation["responses"].(map[string]any)[statusText(rt.status)].(map[string]any)
		schema := response["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
		var value any
		if err := json.Unmarshal([]byte(answer), &value); err != nil {
			t.Fatal(err)
		}
		if wrong := against(doc.Components.Schemas, schema, value, ""); wrong != "" {
			t.Errorf("%s %s: %s in %s", rt.method, rt.path, wrong, answer)
		}
	}
	// A full event, since the backend of this test has none.
	whole, err := json.Marshal(api.Event{Kind: api.EventManual, Manual: &api.Manual{ID: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(whole, &value); err != nil {
		t.Fatal(err)
	}
	if wrong := against(doc.Components.Schemas, doc.Components.Schemas["Event"], value, ""); wrong != "" {
		t.Error(wrong)
	}
	value.(map[string]any)["kind"] = "nonsense"
	if wrong := against(doc.Components.Schemas, doc.Components.Schemas["Event"], value, ""); wrong == "" {
		t.Error("An event of no kind is as described")
	}
}

func exampleOf(rt route) string {
	path := strings.NewReplacer("{id}", "7", "{id...}", "web", "{name}", "web").Replace(rt.path)
	if rt.method == http.MethodDelete {
		path += "?author=ops"
	}
	return rt.method + " " + path
}

func bodyOf(rt route) string {
	if rt.request == nil {
		return ""
	}
	return `{"author":"ops"}`
}

// against tells what of a value is not as a schema has it. It knows as much of JSON Schema as the document uses.
func against(all map[string]map[string]any, schema map[string]any, value any, at string) string {
	if ref, ok := schema["$ref"].(string); ok {
		return against(all, all[strings.TrimPrefix(ref, "#/components/schemas/")], value, at)
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, value) {
		return fmt.Sprintf("%s is %v", at, value)
	}
	switch v := value.(type) {
	case map[string]any:
		if schema["type"] != "object" {
			return at + " is an object"
		}
		properties := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, there := v[name.(string)]; !there {
				return fmt.Sprintf("%s lacks %s", at, name)
			}
		}
		for name, one := range v {
			property, known := properties[name].(map[string]any)
			if !known {
				return fmt.Sprintf("%s has %s", at, name)
			}
			if wrong := against(all, property, one, at+"."+name); wrong != "" {
				return wrong
			}
		}
	case []any:
		if schema["type"] != "array" {
			return at + " is an array"
		}
		for _, one := range v {
			if wrong := against(all, schema["items"].(map[string]any), one, at+"[]"); wrong != "" {
				return wrong
			}
		}
	case string:
		if schema["type"] != "string" {
			return at + " is a string"
		}
	case bool:
		if schema["type"] != "boolean" {
			return at + " is a boolean"
		}
	case float64:
		if schema["type"] != "number" && schema["type"] != "integer" {
			return at + " is a number"
		}
	default:
		return fmt.Sprintf("%s is %v", at, value)
	}
	return ""
}
