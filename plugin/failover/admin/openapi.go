package admin

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/seed-a19ac2b6/failover/plugin/failover/api"
)

// document describes the API as OpenAPI 3.1 has it. It is made from the routes and the Go types, so it cannot be about
// another API than the one that is served.
var document = sync.OnceValues(func() ([]byte, error) {
	s := schemas{}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "failover", "version": "1",
			"description": "Health checks and record sets of the failover plugin of CoreDNS: what they do, and how to overrule them.",
		},
		"paths": s.paths(),
		"components": object{
			"schemas": s,
			"securitySchemes": object{
				"token":       object{"type": "http", "scheme": "bearer"},
				"certificate": object{"type": "mutualTLS"},
			},
		},
	})
})

type object = map[string]any

// schemas are those of the types that have been met, by name.
type schemas map[string]any

// wildcards are the parts of a path that take more than one segment.
var wildcards = regexp.MustCompile(`\.\.\.}`)

func (s schemas) paths() object {
	paths := object{}
	for i := range routes {
		rt := &routes[i]
		path := wildcards.ReplaceAllString(rt.path, "}")
		if paths[path] == nil {
			paths[path] = object{}
		}
		paths[path].(object)[strings.ToLower(rt.method)] = s.operation(rt)
	}
	return paths
}

func (s schemas) operation(rt *route) object {
	failed := object{"description": "what is wrong", "content": jsonOf(s.of(reflect.TypeFor[api.Error]()))}
	good := object{"description": "as asked for"}
	switch {
	case rt.stream != nil:
		good["content"] = object{"text/event-stream": object{"schema": object{"type": "string"}}}
	case rt.response != nil:
		good["content"] = jsonOf(s.of(reflect.TypeOf(rt.response)))
	}
	responses := object{statusText(rt.status): good, "default": failed}
	if rt.dryRun() {
		responses[statusText(http.StatusOK)] = good
	}
	operation := object{"summary": rt.summary, "responses": responses}
	if rt.access != public {
		// Nothing of these is needed where only this machine can connect, unless there is a token, and then for changes.
		operation["security"] = []object{{"token": []string{}}, {"certificate": []string{}}, {}}
	}
	if rt.request != nil {
		operation["requestBody"] = object{"required": true, "content": jsonOf(s.of(reflect.TypeOf(rt.request)))}
	}
	if len(rt.params) > 0 {
		params := make([]object, len(rt.params))
		for i, p := range rt.params {
			schema := object{"type": p.kind}
			if p.many {
				schema = object{"type": "array", "items": schema}
			}
			params[i] = object{"name": p.name, "in": "query", "description": p.text, "schema": schema}
			if p.inPath {
				params[i]["in"], params[i]["required"] = "path", true
			}
		}
		operation["parameters"] = params
	}
	return operation
}

func jsonOf(schema object) object { return object{"application/json": object{"schema": schema}} }

// of gives the schema of a type: a reference for a struct, which is described once.
func (s schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[api.EventKind]():
		return object{"type": "string", "enum": api.EventKinds}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint64, reflect.Uint32, reflect.Uint16:
		return object{"type": "integer", "minimum": 0}
	case reflect.Struct:
		if t.Name() == "" {
			return s.fields(t)
		}
		if _, met := s[t.Name()]; !met {
			s[t.Name()] = nil // types may hold themselves
			s[t.Name()] = s.fields(t)
		}
		return object{"$ref": "#/components/schemas/" + t.Name()}
	default:
		return object{"type": "string"}
	}
}

func (s schemas) fields(t reflect.Type) object {
	properties, required := object{}, []string{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		properties[name] = s.of(f.Type)
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	schema := object{"type": "object", "properties": properties, "required": required}
	if strings.HasPrefix(t.Name(), "New") {
		delete(schema, "required") // an empty one is refused by what it means
		schema["additionalProperties"] = false
	}
	return schema
}
