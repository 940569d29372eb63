package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
)

func serveLines(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			for lines := bufio.NewScanner(connection); lines.Scan(); {
				answer(context.Background(), connection, lines.Text())
			}
		}()
	}
}

// answerIn serves one request of a protocol that is not net/http's: "PRICE 7 TRACEPARENT".
//
//seatrial:span name:PRICE kind:server
func answerIn(ctx context.Context, to net.Conn, id string) {
	cents, err := price(ctx, id)
	if err != nil {
		fmt.Fprintln(to, "unknown")
		return
	}
	fmt.Fprintln(to, cents)
}

func answer(ctx context.Context, to net.Conn, line string) {
	words := strings.Fields(line)
	if len(words) < 2 || words[0] != "PRICE" {
		fmt.Fprintln(to, "PRICE ID [TRACEPARENT]")
		return
	}
	headers := map[string]string{}
	if len(words) > 2 {
		headers["traceparent"] = words[2]
	}
	answerIn(extract(ctx, headers), to, words[1])
}
