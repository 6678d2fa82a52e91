// SPDX-License-Identifier: MIT
// renn/renn.hpp - every header that needs only the core dependencies, but these, which most programs do without:
//
// by name only: attribution/attribution.hpp
// by name only: attribution/baseline.hpp
// by name only: attribution/bias_share.hpp
// by name only: attribution/blocks.hpp
// by name only: attribution/class_activation_map.hpp
// by name only: attribution/comparison.hpp
// by name only: attribution/deep_lift.hpp
// by name only: attribution/explain.hpp
// by name only: attribution/gaussian_blur.hpp
// by name only: attribution/gradient.hpp
// by name only: attribution/guided_backprop.hpp
// by name only: attribution/integrated_gradients.hpp
// by name only: attribution/layer_attribution.hpp
// by name only: attribution/ledger.hpp
// by name only: attribution/logits.hpp
// by name only: attribution/maximisation/ascent.hpp
// by name only: attribution/maximisation/code_space.hpp
// by name only: attribution/maximisation/colour_mix.hpp
// by name only: attribution/maximisation/dataset_examples.hpp
// by name only: attribution/maximisation/diversity.hpp
// by name only: attribution/maximisation/fitted_metrics.hpp
// by name only: attribution/maximisation/fourier.hpp
// by name only: attribution/maximisation/gaussian_expert.hpp
// by name only: attribution/maximisation/gaussian_mixture.hpp
// by name only: attribution/maximisation/maximise.hpp
// by name only: attribution/maximisation/metric.hpp
// by name only: attribution/maximisation/objective.hpp
// by name only: attribution/maximisation/objective_gradient.hpp
// by name only: attribution/maximisation/objectives.hpp
// by name only: attribution/maximisation/penalties.hpp
// by name only: attribution/maximisation/pyramid.hpp
// by name only: attribution/maximisation/range.hpp
// by name only: attribution/maximisation/rbm.hpp
// by name only: attribution/maximisation/redirected_relu.hpp
// by name only: attribution/maximisation/resample.hpp
// by name only: attribution/maximisation/robustness.hpp
// by name only: attribution/maximisation/search.hpp
// by name only: attribution/maximisation/separable.hpp
// by name only: attribution/maximisation/train_rbm.hpp
// by name only: attribution/occlusion.hpp
// by name only: attribution/output_choice.hpp
// by name only: attribution/parameter_derivatives.hpp
// by name only: attribution/predictor.hpp
// by name only: attribution/quadrature.hpp
// by name only: attribution/reduce.hpp
// by name only: attribution/relevance/blind_places.hpp
// by name only: attribution/relevance/canonise.hpp
// by name only: attribution/relevance/composite.hpp
// by name only: attribution/relevance/conservation.hpp
// by name only: attribution/relevance/layer_forms.hpp
// by name only: attribution/relevance/layer_kind.hpp
// by name only: attribution/relevance/linear_propagation.hpp
// by name only: attribution/relevance/other_propagation.hpp
// by name only: attribution/relevance/presets.hpp
// by name only: attribution/relevance/relevance_walk.hpp
// by name only: attribution/relevance/root_rule.hpp
// by name only: attribution/relevance/rules.hpp
// by name only: attribution/relevance/shares.hpp
// by name only: attribution/relevance_propagation.hpp
// by name only: attribution/roots.hpp
// by name only: attribution/second_derivatives.hpp
// by name only: attribution/simple_taylor.hpp
// by name only: attribution/smooth_gradient.hpp
// by name only: attribution/smoothed.hpp
// by name only: attribution/target.hpp
// by name only: attribution/taylor/coefficients.hpp
// by name only: attribution/taylor/input_map.hpp
// by name only: attribution/taylor/learning_progress.hpp
// by name only: attribution/taylor/ranking.hpp
// by name only: attribution/taylor/retraining.hpp
// by name only: attribution/upsample.hpp
// by name only: concepts/cav.hpp
// by name only: concepts/tcav.hpp
// by name only: core/patch.hpp
// by name only: data/csv.hpp
// by name only: data/csv_lines.hpp
// by name only: data/csv_options.hpp
// by name only: data/csv_samples.hpp
// by name only: data/csv_values.hpp
// by name only: data/gaussian_tasks.hpp
// by name only: data/hsv_rgb.hpp
// by name only: data/principal_components.hpp
// by name only: data/selection_task.hpp
// by name only: evaluation/axioms.hpp
// by name only: evaluation/complexity.hpp
// by name only: evaluation/confusion.hpp
// by name only: evaluation/continuity.hpp
// by name only: evaluation/detection.hpp
// by name only: evaluation/edge_map.hpp
// by name only: evaluation/evidence_quality.hpp
// by name only: evaluation/evidence_randomisation.hpp
// by name only: evaluation/explained.hpp
// by name only: evaluation/faithfulness.hpp
// by name only: evaluation/flipping.hpp
// by name only: evaluation/infidelity.hpp
// by name only: evaluation/inversions.hpp
// by name only: evaluation/linear_datamodelling.hpp
// by name only: evaluation/localisation.hpp
// by name only: evaluation/map_similarity.hpp
// by name only: evaluation/measurement.hpp
// by name only: evaluation/method_table.hpp
// by name only: evaluation/permuted_labels.hpp
// by name only: evaluation/removal.hpp
// by name only: evaluation/retrieval.hpp
// by name only: evaluation/sanity_checks.hpp
// by name only: evaluation/significance.hpp
// by name only: evaluation/similarity.hpp
// by name only: evaluation/source_curve.hpp
// by name only: evaluation/store_error.hpp
// by name only: index/flat.hpp
// by name only: index/flat_scan.hpp
// by name only: index/hnsw.hpp
// by name only: index/layer_values.hpp
// by name only: index/measure.hpp
// by name only: index/metric.hpp
// by name only: index/rough_scores.hpp
// by name only: index/sketch.hpp
// by name only: index/vector_index.hpp
// by name only: io/file_writer.hpp
// by name only: io/import_weights.hpp
// by name only: io/json.hpp
// by name only: io/json_library.hpp
// by name only: io/json_writer.hpp
// by name only: io/mapped_file.hpp
// by name only: io/safetensors.hpp
// by name only: io/safetensors_header.hpp
// by name only: io/save_partial.hpp
// by name only: network/arriving.hpp
// by name only: network/follow.hpp
// by name only: network/layer_paths.hpp
// by name only: network/mask.hpp
// by name only: network/masked_tangents.hpp
// by name only: network/masked_units.hpp
// by name only: network/place_shape.hpp
// by name only: network/receptive_field.hpp
// by name only: report/attribution_view.hpp
// by name only: report/audit_page.hpp
// by name only: report/chart.hpp
// by name only: report/colour_cube.hpp
// by name only: report/colours.hpp
// by name only: report/deactivation_table.hpp
// by name only: report/evidence_by_layer.hpp
// by name only: report/heatmap.hpp
// by name only: report/html.hpp
// by name only: report/neuron_looks.hpp
// by name only: report/page.hpp
// by name only: report/page_style.hpp
// by name only: report/picture.hpp
// by name only: report/png.hpp
// by name only: report/profile_strips.hpp
// by name only: report/retrace_page.hpp
// by name only: report/retrace_report.hpp
// by name only: report/retrace_style.hpp
// by name only: report/retrace_view.hpp
// by name only: report/retrace_view_html.hpp
// by name only: report/taylor_figures.hpp
// by name only: retrace/audit.hpp
// by name only: retrace/augmentation.hpp
// by name only: retrace/certainty.hpp
// by name only: retrace/counting.hpp
// by name only: retrace/credibility.hpp
// by name only: retrace/deactivation.hpp
// by name only: retrace/duplicates.hpp
// by name only: retrace/elbow.hpp
// by name only: retrace/familiarity.hpp
// by name only: retrace/for_each_answer.hpp
// by name only: retrace/layer_search.hpp
// by name only: retrace/mask_trials.hpp
// by name only: retrace/merge.hpp
// by name only: retrace/partial.hpp
// by name only: retrace/partial_retrace.hpp
// by name only: retrace/partial_votes.hpp
// by name only: retrace/profiles.hpp
// by name only: retrace/relevance_profiles.hpp
// by name only: retrace/responsibility.hpp
// by name only: retrace/sample_set.hpp
// by name only: retrace/shard.hpp
// by name only: retrace/source_history.hpp
// by name only: retrace/source_targets.hpp
// by name only: retrace/source_use.hpp
// by name only: retrace/support.hpp
// by name only: tracing/check_levels.hpp
// by name only: tracing/check_store.hpp
// by name only: tracing/data_fingerprint.hpp
// by name only: tracing/estimate.hpp
// by name only: tracing/external_sort.hpp
// by name only: tracing/file_recording.hpp
// by name only: tracing/file_store.hpp
// by name only: tracing/finish_plan.hpp
// by name only: tracing/finish_recording.hpp
// by name only: tracing/id_order.hpp
// by name only: tracing/journal.hpp
// by name only: tracing/journal_reader.hpp
// by name only: tracing/journal_segment.hpp
// by name only: tracing/journal_source.hpp
// by name only: tracing/journal_writer.hpp
// by name only: tracing/masked_foreign.hpp
// by name only: tracing/neuron_patches.hpp
// by name only: tracing/packed_store.hpp
// by name only: tracing/part_of_store.hpp
// by name only: tracing/recompute_store.hpp
// by name only: tracing/record_file_options.hpp
// by name only: tracing/record_to_file.hpp
// by name only: tracing/recording_journal.hpp
// by name only: tracing/reduced.hpp
// by name only: tracing/sample_source.hpp
// by name only: tracing/segment_arrays.hpp
// by name only: tracing/sorted_store.hpp
// by name only: tracing/store_chunks.hpp
// by name only: tracing/store_description.hpp
// by name only: tracing/store_head.hpp
// by name only: tracing/store_layout.hpp
// by name only: tracing/store_output.hpp
// by name only: tracing/stored_arrays.hpp
// by name only: tracing/to_memory.hpp
// by name only: tracing/united_store.hpp
// by name only: tracing/write_columns.hpp
// by name only: tracing/write_reduced.hpp
// by name only: tracing/write_store.hpp
// by name only: training/heads.hpp
#pragma once

#include <renn/activations/elu.hpp>
#include <renn/activations/gelu.hpp>
#include <renn/activations/identity.hpp>
#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/leaky_softplus.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/silu.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/softplus.hpp>
#include <renn/activations/tanh.hpp>
#include <renn/data/dataset.hpp>
#include <renn/data/idx.hpp>
#include <renn/data/npy.hpp>
#include <renn/data/sample_batch.hpp>
#include <renn/data/split.hpp>
#include <renn/data/statistics.hpp>
#include <renn/index/kd_tree.hpp>
#include <renn/index/sorted.hpp>
#include <renn/io/save.hpp>
#include <renn/io/save_checkpoint.hpp>
#include <renn/io/save_dataset.hpp>
#include <renn/io/save_optimizer.hpp>
#include <renn/io/save_result.hpp>
#include <renn/layers/average_pool.hpp>
#include <renn/layers/batch_norm.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/convolution.hpp>
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/initialise.hpp>
#include <renn/layers/layer_norm.hpp>
#include <renn/layers/max_pool.hpp>
#include <renn/layers/residual.hpp>
#include <renn/layers/standardize.hpp>
#include <renn/network/network.hpp>
#include <renn/network/sequential.hpp>
#include <renn/network/summary.hpp>
#include <renn/retrace/blend.hpp>
#include <renn/retrace/result.hpp>
#include <renn/retrace/trace.hpp>
#include <renn/tracing/activations.hpp>
#include <renn/training/evaluate.hpp>
#include <renn/training/fit.hpp>
#include <renn/version.hpp>
