package main

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"
)

// viaSarama produces idempotently, reads in a group, and asks and deletes as an admin.
func viaSarama(ctx context.Context, address string) error {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Net.MaxOpenRequests = 1
	config.Producer.Idempotent = true
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Compression = sarama.CompressionSnappy
	config.Consumer.Offsets.Initial = sarama.OffsetOldest

	admin, err := sarama.NewClusterAdmin([]string{address}, config)
	if err != nil {
		return err
	}
	defer admin.Close()
	if err := admin.CreateTopic("sarama", &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1}, false); err != nil {
		return err
	}
	const count = 50
	if err := produceWithSarama(address, config, count); err != nil {
		return err
	}
	if err := consumeWithSarama(ctx, address, config, count); err != nil {
		return err
	}
	settings, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: "sarama"})
	if err != nil || len(settings) == 0 {
		return fmt.Errorf("%d settings described: %w", len(settings), err)
	}
	if err := admin.DeleteConsumerGroup("sarama"); err != nil {
		return err
	}
	return admin.DeleteTopic("sarama")
}

func produceWithSarama(address string, config *sarama.Config, count int) error {
	producer, err := sarama.NewSyncProducer([]string{address}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	for number := range count {
		message := &sarama.ProducerMessage{Topic: "sarama", Value: sarama.StringEncoder(fmt.Sprint(number))}
		if _, _, err := producer.SendMessage(message); err != nil {
			return err
		}
	}
	return nil
}

func consumeWithSarama(ctx context.Context, address string, config *sarama.Config, count int) error {
	group, err := sarama.NewConsumerGroup([]string{address}, "sarama", config)
	if err != nil {
		return err
	}
	defer group.Close()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	claims := &claims{make(chan []byte)}
	ended := make(chan error, 1)
	go func() {
		for reading.Err() == nil {
			if err := group.Consume(reading, []string{"sarama"}, claims); err != nil {
				ended <- err
				return
			}
		}
	}()
	wanted := expect(count)
	for {
		select {
		case value := <-claims.values:
			if done, err := wanted.read(value); done || err != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type claims struct{ values chan []byte }

func (*claims) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*claims) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (c *claims) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		session.MarkMessage(message, "")
		select {
		case c.values <- message.Value:
		case <-session.Context().Done():
			return nil
		}
	}
	return nil
}
