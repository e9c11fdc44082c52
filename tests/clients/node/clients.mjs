// One Node client at a time against a broker: clients.mjs CLIENT HOST:PORT
import assert from 'node:assert/strict'

const [client, address] = process.argv.slice(2)
const values = count => [...Array(count).keys()].map(String)
const sorted = list => [...list].sort()

async function kafkajs() {
  const { default: { Kafka, logLevel, Partitioners } } = await import('kafkajs')
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  assert(await admin.createTopics({ topics: [{ topic: 'kafkajs', numPartitions: 3 }] }))

  const producer = kafka.producer({
    idempotent: true, transactionalId: 'kafkajs', maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  const kept = await producer.transaction()
  await kept.send({ topic: 'kafkajs', messages: values(100).map(value => ({ key: value, value })) })
  await kept.commit()
  const dropped = await producer.transaction()
  await dropped.send({ topic: 'kafkajs', messages: [{ value: 'aborted' }] })
  await dropped.abort()
  await producer.disconnect()

  const consumer = kafka.consumer({ groupId: 'kafkajs' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'kafkajs', fromBeginning: true })
  const read = []
  await new Promise(done => consumer.run({
    eachMessage: async ({ message }) => {
      read.push(String(message.value))
      if (read.length === 100) done()
    },
  }))
  assert.deepEqual(sorted(read), sorted(values(100)))
  assert.equal((await admin.describeGroups(['kafkajs'])).groups[0].state, 'Stable')
  await consumer.disconnect()

  const [{ partitions }] = await admin.fetchOffsets({ groupId: 'kafkajs', topics: ['kafkajs'] })
  assert.equal(partitions.reduce((sum, { offset }) => sum + Number(offset), 0), 100)
  await admin.deleteGroups(['kafkajs'])
  await admin.deleteTopics({ topics: ['kafkajs'] })
  await admin.disconnect()
}

async function platformatic() {
  const { Admin, Consumer, Producer, stringDeserializers, stringSerializers } = await import('@platformatic/kafka')
  const options = { clientId: 'platformatic', bootstrapBrokers: [address] }
  const admin = new Admin(options)
  await admin.createTopics({ topics: ['platformatic'], partitions: 2, replicas: 1 })
  await admin.close()

  const producer = new Producer({ ...options, serializers: stringSerializers })
  await producer.send({ messages: values(20).map(value => ({ topic: 'platformatic', key: value, value })) })
  await producer.close()

  for (const groupProtocol of ['classic', 'consumer']) {
    const consumer = new Consumer({ ...options, groupId: groupProtocol, groupProtocol, deserializers: stringDeserializers })
    const stream = await consumer.consume({ topics: ['platformatic'], mode: 'earliest', autocommit: true })
    const read = []
    for await (const { value } of stream) {
      if (read.push(value) === 20) break
    }
    assert.deepEqual(sorted(read), sorted(values(20)))
    await consumer.close(true)
  }
}

await { kafkajs, platformatic }[client]()
console.log(`${client} is content`)
process.exit(0)
