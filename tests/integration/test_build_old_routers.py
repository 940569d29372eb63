"""Routers of before the methods that routes are read with: they are woven, compiled, and give no route."""

from __future__ import annotations

from pathlib import Path

import pytest

from builds import Seatrial, commit_all, write_service
from seatrial.formats.jsonvalue import as_list, as_table

pytestmark = [pytest.mark.go, pytest.mark.sandbox]

# The parts of each library that its first releases had, too, and that an aspect meets.
GIN = """package gin

import "net/http"

type Context struct {
	Request *http.Request
	Writer  http.ResponseWriter
}

type Engine struct{ Handle func(*Context) }

func (engine *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	engine.handleHTTPRequest(&Context{Request: r, Writer: w})
}

func (engine *Engine) handleHTTPRequest(c *Context) { engine.Handle(c) }
"""
MUX = """package mux

import "net/http"

type Route struct{}

func CurrentRoute(r *http.Request) *Route { return &Route{} }

type Router struct{ Handler http.Handler }

func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.Handler.ServeHTTP(w, req) }
"""
CHI = """package chi

import (
	"context"
	"net/http"
)

type Context struct{}

func RouteContext(ctx context.Context) *Context { return &Context{} }

type Mux struct{ Handler http.Handler }

func (mx *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { mx.routeHTTP(w, r) }

func (mx *Mux) routeHTTP(w http.ResponseWriter, r *http.Request) { mx.Handler.ServeHTTP(w, r) }
"""
SERVICE = """package main

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi"
	"github.com/gorilla/mux"
)

func main() {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	http.Handle("/gin", &gin.Engine{Handle: func(c *gin.Context) { page(c.Writer, c.Request) }})
	http.Handle("/mux", &mux.Router{Handler: page})
	http.Handle("/chi", &chi.Mux{Handler: page})
	panic(http.ListenAndServe(":8080", nil))
}
"""
MODULES = {"gin-gonic/gin": GIN, "gorilla/mux": MUX, "go-chi/chi": CHI}


def test_libraries_without_a_routes_name_are_woven_and_compiled(tmp_path: Path, seatrial: Seatrial) -> None:
    requires = "".join(f"require github.com/{name} v1.0.0\n" for name in MODULES)
    replaces = "".join(f"replace github.com/{name} => ./{name}\n" for name in MODULES)
    files = {
        "go.mod": f"module example.com/svc\n\ngo 1.24\n\n{requires}{replaces}",
        "main.go": SERVICE,
        "seatrial.toml": '[trial]\nrequests = ["GET /gin -> 200", "GET /mux -> 200", "GET /chi -> 200"]\n',
    }
    for name, source in MODULES.items():
        # Of before Go 1.18: nothing newer may be written into them.
        files |= {f"{name}/go.mod": f"module github.com/{name}\n\ngo 1.12\n", f"{name}/lib.go": source}
    root = write_service(tmp_path / "svc", files)
    commit_all(root)
    done = seatrial("build", str(root), "--base", "scratch", "-o", str(tmp_path / "svc.tar"), "--json")
    assert done.code == 0, done.stderr
    spans = [as_table(one) for one in as_list(done.at("trial", "spans"))]
    # Those that follow are of the end and of the runs with something changed.
    names = [one["name"] for one in spans if one["kind"] == "server"][:3]
    assert names == ["GET /gin", "GET /mux", "GET /chi"]
