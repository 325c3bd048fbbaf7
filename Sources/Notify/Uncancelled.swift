/// Runs a body to its end, whatever becomes of the surrounding task: for the few steps that must follow an effect.
func uncancelled<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    try await Task { try await body() }.value
}
