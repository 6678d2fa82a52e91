// SPDX-License-Identifier: MIT
// playground/app/train.hpp - fits the planned network, measures it, records what its neurons do, and indexes that.
#pragma once

#include <memory>

#include "lay_out.hpp"
#include "session.hpp"
#include "train_run.hpp"

namespace playground {

/// Whether the plan is still that of the session's model, so that training can go on with its weights.
bool continues(const Snapshot& now);

/// A run for what is wanted of a session. Throws HttpError 409 if it is to go on with weights that there are not.
std::shared_ptr<TrainRun> plan_training(const Snapshot& now, const TrainOptions& options);

/// What training and recording it takes.
NetworkCost cost_of(const Snapshot& now, const TrainOptions& options);

/// The work of a job: phases training, evaluation (only of a run that was ended early), recording and indexing. The
/// session has the new model only when all are done; whatever ends it before leaves the old one.
void train(Session& session, const Snapshot& now, Job& job, TrainRun& run);

/// Runs a network over the training samples and builds the index. Throws Cancelled.
Traced record_and_index(const Net& net, const renn::Dataset<float>& data, const renn::ProgressCallback& progress,
                        PhaseSeconds& seconds);

}  // namespace playground
