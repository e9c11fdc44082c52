package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// franz commits a transaction, aborts another, and reads what was committed in a group of either protocol.
func franz(ctx context.Context, address string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.TransactionalID("franz"), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopics(ctx, 3, 1, nil, "franz"); err != nil {
		return err
	}
	const count = 300
	var kept, dropped []*kgo.Record
	for number := range count {
		value := fmt.Append(nil, number)
		kept = append(kept, &kgo.Record{Topic: "franz", Key: value, Value: value})
	}
	dropped = append(dropped, &kgo.Record{Topic: "franz", Value: []byte("aborted")})
	if err := transaction(ctx, client, kgo.TryCommit, kept); err != nil {
		return err
	}
	if err := transaction(ctx, client, kgo.TryAbort, dropped); err != nil {
		return err
	}
	for _, protocol := range []string{"classic", "consumer"} {
		if err := readInGroup(ctx, admin, address, protocol, count); err != nil {
			return fmt.Errorf("%s protocol: %w", protocol, err)
		}
	}
	return nil
}

func transaction(ctx context.Context, client *kgo.Client, end kgo.TransactionEndTry, records []*kgo.Record) error {
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	return client.EndTransaction(ctx, end)
}

func readInGroup(ctx context.Context, admin *kadm.Client, address, group string, count int) error {
	if group == "consumer" {
		ctx = context.WithValue(ctx, "opt_in_kafka_next_gen_balancer_beta", true)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumerGroup(group), kgo.ConsumeTopics("franz"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.WithContext(ctx))
	if err != nil {
		return err
	}
	defer client.Close()
	wanted := expect(count)
	for done := false; !done; {
		fetches := client.PollFetches(ctx)
		for _, fault := range fetches.Errors() {
			return fault.Err
		}
		var fault error
		fetches.EachRecord(func(record *kgo.Record) {
			complete, err := wanted.read(record.Value)
			done, fault = done || complete, errors.Join(fault, err)
		})
		if fault != nil {
			return fault
		}
	}
	if err := client.CommitUncommittedOffsets(ctx); err != nil {
		return err
	}
	committed, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return err
	}
	if partitions := len(committed["franz"]); partitions != 3 {
		return fmt.Errorf("%d partitions have a commit", partitions)
	}
	return nil
}
