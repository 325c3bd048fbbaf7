import Logging
import Support
import Synchronization

/// Values in the order in which they came.
final class Recorder<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    func append(_ value: Value) { values.withLock { $0.append(value) } }
    var all: [Value] { values.withLock { $0 } }
}

/// Every line that is logged, at every level.
final class RecordingLog: Sendable {
    private let recorder = Recorder<String>()

    var lines: [String] { recorder.all }
    var logger: Logger {
        var logger = Logger(label: "drive") { [recorder] _ in Handler(recorder: recorder) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let recorder: Recorder<String>
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { recorder.append("\(event.message) \(event.metadata ?? [:])") }
    }
}

/// Adds up what it is told.
final class ProgressSum: ProgressReporter {
    private let sum = Atomic<Int64>(0)
    private let ended = Atomic<Int>(0)

    var total: Int64 { sum.load(ordering: .relaxed) }
    var ends: Int { ended.load(ordering: .relaxed) }

    func begin(_ phase: String, total: Int64?) {}
    func advance(_ amount: Int64) { sum.add(amount, ordering: .relaxed) }
    func end() { ended.add(1, ordering: .relaxed) }
}
