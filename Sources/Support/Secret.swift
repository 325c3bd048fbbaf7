internal import CSodium
internal import Glibc

/// A secret value: in guarded, locked memory that is left out of core dumps and wiped when freed; printed as `«secret»`; compared
/// in constant time.
public final class Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    // The memory is written once, before init returns, and made read-only.
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    public let count: Int

    /// Copies the bytes; the caller wipes its own copy (see ``wipe(_:)``).
    public init(_ bytes: some Collection<UInt8>) {
        sodiumReady()
        count = bytes.count
        guard let memory = sodium_malloc(max(1, count)) else {
            // The guarded allocator needs locked pages; without them the program must not hold secrets at all.
            fatalError("no locked memory for a secret: raise LimitMEMLOCK= (ulimit -l)")
        }
        self.memory = memory
        UnsafeMutableRawBufferPointer(start: memory, count: count).copyBytes(from: bytes)
        precondition(sodium_mprotect_readonly(memory) == 0, "a secret's memory could not be made read-only")
    }

    deinit { sodium_free(memory) }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(start: memory, count: count))
    }

    /// The secret as a NUL-terminated C string in locked memory, for libraries that want one; nil if it holds a NUL.
    public func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result? {
        guard !withUnsafeBytes({ $0.contains(0) }) else { return nil }
        let terminated = Secret(withUnsafeBytes { Array($0) } + [0])
        return try terminated.withUnsafeBytes { bytes in
            try bytes.withMemoryRebound(to: CChar.self) { try $0.baseAddress.map(body) }
        }
    }

    public var description: String { "«secret»" }
    public var debugDescription: String { "«secret»" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: Equatable {
    public static func == (left: Secret, right: Secret) -> Bool {
        left.count == right.count && sodium_memcmp(left.memory, right.memory, left.count) == 0
    }
}

/// Overwrites bytes that held a secret, in a way the optimiser keeps.
public func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { buffer in
        if let base = buffer.baseAddress { sodium_memzero(base, buffer.count) }
    }
    bytes.removeAll()
}

private let sodiumStarted: Bool = sodium_init() >= 0

/// Starts libsodium once; everything that calls it goes through here first.
public func sodiumReady() {
    precondition(sodiumStarted, "libsodium could not start: no source of randomness")
}
