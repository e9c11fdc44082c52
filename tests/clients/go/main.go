// One Go client at a time against a broker: clients CLIENT HOST:PORT
package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

const limit = time.Minute

func main() {
	plays := map[string]func(context.Context, string) error{"franz-go": franz, "sarama": viaSarama, "kafka-go": viaKafkaGo}
	context, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := plays[os.Args[1]](context, os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	fmt.Println(os.Args[1], "is content")
}

// all tells whether every value from 0 to count-1 was read, and nothing else.
type all struct {
	count int
	seen  map[string]bool
}

func expect(count int) *all { return &all{count, map[string]bool{}} }

// read returns true once everything is there.
func (a *all) read(value []byte) (bool, error) {
	var number int
	if _, err := fmt.Sscan(string(value), &number); err != nil || number < 0 || number >= a.count {
		return false, fmt.Errorf("read %q, which was never committed", value)
	}
	a.seen[string(value)] = true
	return len(a.seen) == a.count, nil
}
