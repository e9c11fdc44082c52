package main

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// viaKafkaGo writes with lz4 and reads in a group.
func viaKafkaGo(ctx context.Context, address string) error {
	connection, err := kafka.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.CreateTopics(kafka.TopicConfig{Topic: "kafka-go", NumPartitions: 2, ReplicationFactor: 1}); err != nil {
		return err
	}
	const count = 100
	var messages []kafka.Message
	for number := range count {
		messages = append(messages, kafka.Message{Value: fmt.Append(nil, number)})
	}
	writer := &kafka.Writer{Addr: kafka.TCP(address), Topic: "kafka-go", Compression: kafka.Lz4, RequiredAcks: kafka.RequireAll}
	defer writer.Close()
	if err := writer.WriteMessages(ctx, messages...); err != nil {
		return err
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{address}, GroupID: "kafka-go", Topic: "kafka-go"})
	defer reader.Close()
	wanted := expect(count)
	for {
		message, err := reader.ReadMessage(ctx)
		if err != nil {
			return err
		}
		if done, err := wanted.read(message.Value); done || err != nil {
			return err
		}
	}
}
