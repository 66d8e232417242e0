-- What a LoRA learnt to predict and how that is known (inference.lora.prediction_evidence.PredictionEvidence), and the
-- further base models on which the operator lets it go. The next scan fills both in.

ALTER TABLE lora_version ADD COLUMN prediction TEXT CHECK (json_valid(prediction));   -- NULL: nothing says it
ALTER TABLE lora_version ADD COLUMN allowed_on TEXT CHECK (json_valid(allowed_on));   -- NULL: none

-- Staff may propose the prediction type beside the base model.
ALTER TABLE base_model_proposal ADD COLUMN prediction TEXT CHECK (prediction IN ('epsilon', 'v_prediction'));
DROP INDEX base_model_proposal_open;
CREATE UNIQUE INDEX base_model_proposal_open ON base_model_proposal (sha256, base_model, coalesce(prediction, ''))
    WHERE state = 'open';
