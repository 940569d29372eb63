package weave

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// hook is a function that a template pulls in by name, past the compiler: a
// wrong name breaks the link of every service, a wrong signature its memory.
var hook = regexp.MustCompile(`//go:linkname (\S+) seatrial\.dev/weave/(\w+)\.(\w+)\n\s*(func .*)`)

func aspectFiles(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("*/orchestrion.yml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no aspects", err)
	}
	files := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = string(text)
	}
	return files
}

func TestRootExtendsEveryAspectFile(t *testing.T) {
	root, err := os.ReadFile("orchestrion.yml")
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range aspectFiles(t) {
		if !strings.Contains(string(root), "- ./"+path+"\n") {
			t.Errorf("%s is not extended", path)
		}
		if !strings.Contains(text, "\n  name: seatrial.dev/weave/"+filepath.Dir(path)+"\n") || !strings.Contains(text, "\n  description: ") {
			t.Errorf("%s: meta.name and meta.description", path)
		}
	}
}

func TestHooksExistWithTheSignatureTheTemplatesClaim(t *testing.T) {
	seen := 0
	for path, text := range aspectFiles(t) {
		for _, m := range hook.FindAllStringSubmatch(text, -1) {
			seen++
			want := declared(t, m[4], m[1])
			got := defined(t, m[2], m[3])
			if got == nil || want == nil || fields(got.Params) != fields(want.Params) || fields(got.Results) != fields(want.Results) {
				t.Errorf("%s: %s.%s is not %s", path, m[2], m[3], m[4])
			}
		}
	}
	if seen < 10 {
		t.Errorf("found %d hooks only: is the pattern still right?", seen)
	}
}

func declared(t *testing.T, signature, name string) *ast.FuncType {
	t.Helper()
	return find(t, "template.go", "package p\n"+signature+"\n", name)
}

func defined(t *testing.T, dir, name string) *ast.FuncType {
	t.Helper()
	paths, _ := filepath.Glob(dir + "/*.go")
	for _, path := range paths {
		if found := find(t, path, nil, name); found != nil {
			return found
		}
	}
	return nil
}

func find(t *testing.T, path string, src any, name string) *ast.FuncType {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == name {
			return f.Type
		}
	}
	return nil
}

// fields describes the shapes that matter to the calling convention; a pointer
// is a pointer, whatever it points to.
func fields(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var shapes []string
	for _, f := range list.List {
		shape := "?"
		switch x := f.Type.(type) {
		case *ast.StarExpr:
			shape = "pointer"
		case *ast.Ident:
			shape = x.Name
		case *ast.SelectorExpr:
			shape = x.Sel.Name
		case *ast.ArrayType:
			shape = "slice"
		}
		for i := 0; i < len(f.Names) || i == 0; i++ {
			shapes = append(shapes, shape)
		}
	}
	return strings.Join(shapes, ",")
}

func TestModuleRequiresNothing(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "require") {
		t.Error("a woven service must keep exactly the modules its own go.mod names")
	}
}
